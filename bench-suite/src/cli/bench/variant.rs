//! What a network is measured as: batches, truncations, slower links; and which of these a filter selects.

use piquet_nn_ops::engine::Truncation;

/// How one row differs from another over the same work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) suffix: &'static str,
    pub(super) batch: usize,
    pub(super) truncation: Truncation,
    /// Name for [`crate::cli::parse_network`].
    pub(super) network: Option<&'static str>,
}

pub(super) const DEFAULT: Variant = Variant {
    suffix: "",
    batch: 1,
    truncation: Truncation::Stochastic,
    network: None,
};

const EXACT: Variant = Variant {
    suffix: "-exact",
    truncation: Truncation::Exact,
    ..DEFAULT
};

/// Equal batches stand together, to build once; a slower network comes after the row that it is compared with.
const ALL: [Variant; 6] = [
    DEFAULT,
    EXACT,
    Variant {
        suffix: "-lan",
        network: Some("lan"),
        ..DEFAULT
    },
    Variant {
        suffix: "-wan",
        network: Some("wan"),
        ..DEFAULT
    },
    Variant {
        suffix: "-batch8",
        batch: 8,
        ..DEFAULT
    },
    Variant {
        suffix: "-batch32",
        batch: 32,
        ..DEFAULT
    },
];

/// Of a network; batches and slower links with `--full` only.
pub(super) fn of_network(full: bool) -> Vec<Variant> {
    if full {
        ALL.to_vec()
    } else {
        vec![DEFAULT, EXACT]
    }
}

impl Variant {
    /// Whether this is the same work as `other` without a slower network.
    fn is_base_of(&self, other: &Self) -> bool {
        let here = Variant {
            suffix: self.suffix,
            network: None,
            ..*other
        };
        other.network.is_some() && *self == here
    }
}

/// A variant that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) variant: Variant,
    /// Measured although nobody asked for it: it is the computation in the limit of another row.
    pub(super) extra: bool,
}

/// Those that are wanted, and the same work over loop-back for each slower network among them.
pub(super) fn select(all: &[Variant], wanted: impl Fn(&Variant) -> bool) -> Vec<Selected> {
    let needed = |v: &Variant| all.iter().any(|o| v.is_base_of(o) && wanted(o));
    let selected = all.iter().filter_map(|v| {
        let asked = wanted(v);
        (asked || needed(v)).then_some(Selected {
            variant: *v,
            extra: !asked,
        })
    });
    selected.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(filter: &str) -> Vec<(&'static str, bool)> {
        let chosen = select(&of_network(true), |v| v.suffix.contains(filter));
        chosen.iter().map(|s| (s.variant.suffix, s.extra)).collect()
    }

    #[test]
    fn a_slower_network_brings_its_loop_back_row_with_it() {
        assert_eq!(names("-lan"), [("", true), ("-lan", false)]);
        assert_eq!(names("an"), [("", true), ("-lan", false), ("-wan", false)]);
        assert_eq!(names("-batch32"), [("-batch32", false)]);
        assert_eq!(names("-exact"), [("-exact", false)]);
        let all = names("");
        assert_eq!(all.len(), ALL.len());
        assert!(all.iter().all(|(_, extra)| !extra));
    }

    #[test]
    fn only_a_full_run_has_batches_and_slower_networks() {
        let plain = of_network(false);
        assert!(plain.iter().all(|v| v.batch == 1 && v.network.is_none()));
        // The order lets a network be built once for each batch.
        let batches: Vec<usize> = of_network(true).iter().map(|v| v.batch).collect();
        assert!(batches.is_sorted());
    }
}
