//! The table of layers, and its JSON.

use piquet_core::linalg::ConvShape;
use piquet_he_bridge::CipherModulus;
use serde::Serialize;

use super::{Masking, ProductsArgs, Row, SCHEMA};
use crate::record;
use crate::report::{self, Machine};

#[derive(Serialize)]
pub(super) struct Everything<'a> {
    schema: u32,
    model: &'a str,
    mode: Masking,
    bits: u32,
    weight_bits: u32,
    command: String,
    revision: &'static str,
    date: String,
    machine: &'a Machine,
    layers: Vec<Layer<'a>>,
    total: Total,
}

#[derive(Serialize)]
struct Layer<'a> {
    name: &'a str,
    shape: String,
    modulus: String,
    degree: usize,
    ciphertexts_in: u64,
    ciphertexts_out: u64,
    bytes: u64,
    ntts: u64,
    products: u64,
    taps: u64,
    predicted_seconds: f64,
    measured: Option<&'a super::Measured>,
}

/// Sums over layers.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Total {
    ciphertexts_in: u64,
    ciphertexts_out: u64,
    bytes: u64,
    ntts: u64,
    products: u64,
    taps: u64,
    predicted_seconds: f64,
    seconds: Option<f64>,
    /// Coefficients that leave the server.
    coefficients: u64,
    off_by_one: usize,
}

pub(super) fn everything<'a>(
    args: &'a ProductsArgs,
    machine: &'a Machine,
    rows: &'a [Row],
) -> Everything<'a> {
    Everything {
        schema: SCHEMA,
        model: &args.model,
        mode: args.mode,
        bits: args.bits,
        weight_bits: args.weight_bits,
        command: args.command(),
        revision: env!("PIQUET_REVISION"),
        date: record::now(),
        machine,
        layers: rows.iter().map(Row::layer).collect(),
        total: Total::of(rows),
    }
}

impl Row {
    fn layer(&self) -> Layer<'_> {
        let c = &self.plan.counts;
        Layer {
            name: &self.name,
            shape: shape(&self.shape),
            modulus: modulus(self.plan.params.modulus()),
            degree: self.plan.params.degree(),
            ciphertexts_in: c.ciphertexts_in,
            ciphertexts_out: c.ciphertexts_out,
            bytes: c.bytes_in + c.bytes_out,
            ntts: c.ntts,
            products: c.products,
            taps: c.taps,
            predicted_seconds: self.predicted,
            measured: self.measured.as_ref(),
        }
    }
}

impl Total {
    fn of(rows: &[Row]) -> Self {
        let mut t = Self::default();
        for r in rows {
            let c = &r.plan.counts;
            t.ciphertexts_in += c.ciphertexts_in;
            t.ciphertexts_out += c.ciphertexts_out;
            t.bytes += c.bytes_in + c.bytes_out;
            t.ntts += c.ntts;
            t.products += c.products;
            t.taps += c.taps;
            t.predicted_seconds += r.predicted;
            t.coefficients += r.shape.output_len() as u64;
            if let Some(m) = &r.measured {
                *t.seconds.get_or_insert(0.0) += m.seconds;
                t.off_by_one += m.off_by_one;
            }
        }
        t
    }
}

/// As in `3x3/2 256->512 on 56x56`.
fn shape(s: &ConvShape) -> String {
    let [h, w] = s.input;
    let stride = match s.stride {
        [1, 1] => String::new(),
        [a, _] => format!("/{a}"),
    };
    let groups = match s.groups {
        1 => String::new(),
        g => format!(" in {g} groups"),
    };
    let on = match (h, w) {
        (1, 1) => String::new(),
        _ => format!(" on {h}x{w}"),
    };
    let [kh, kw] = s.kernel;
    format!(
        "{kh}x{kw}{stride} {}->{}{groups}{on}",
        s.in_channels, s.out_channels
    )
}

fn modulus(q: &CipherModulus) -> String {
    match q {
        CipherModulus::Primes(p) => {
            let bits = q.word_bits().first().copied().unwrap_or_default();
            format!("{} x {bits} bits", p.len())
        }
        CipherModulus::Word(b) => format!("2^{b}"),
        CipherModulus::Limbs(l) => format!("2^{}", 52 * l),
    }
}

/// The table, and what stands around it.
pub(super) fn page(args: &ProductsArgs, machine: &Machine, rows: &[Row]) -> String {
    let mut t = report::table(&[
        "layer", "product", "q", "in", "out", "sent", "NTTs", "products", "taps", "counted",
        "measured",
    ]);
    let line =
        |name: &str, what: String, q: String, c: [u64; 6], counted: f64, measured: Option<f64>| {
            let [ins, outs, bytes, ntts, products, taps] = c;
            let mut cells = vec![
                name.to_owned(),
                what,
                q,
                ins.to_string(),
                outs.to_string(),
                report::bytes(bytes),
            ];
            cells.extend([ntts, products, taps].map(|n| n.to_string()));
            cells.push(report::seconds(counted));
            cells.push(measured.map_or("-".to_owned(), report::seconds));
            cells
        };
    for r in rows {
        let l = r.layer();
        let counts = [
            l.ciphertexts_in,
            l.ciphertexts_out,
            l.bytes,
            l.ntts,
            l.products,
            l.taps,
        ];
        let measured = r.measured.as_ref().map(|m| m.seconds);
        t.add_row(line(
            l.name,
            l.shape,
            l.modulus,
            counts,
            l.predicted_seconds,
            measured,
        ));
    }
    let all = Total::of(rows);
    let counts = [
        all.ciphertexts_in,
        all.ciphertexts_out,
        all.bytes,
        all.ntts,
        all.products,
        all.taps,
    ];
    t.add_row(line(
        "all",
        String::new(),
        String::new(),
        counts,
        all.predicted_seconds,
        all.seconds,
    ));
    let fence = if args.markdown { "" } else { "\n" };
    let distance = match args.mode {
        // 2^-40 for each coefficient.
        Masking::Exact => format!(
            "What the client sees is within 2^{:.1} of what its shares alone give ({} coefficients).",
            (all.coefficients as f64).log2() + f64::from(piquet_he_bridge::noise::FLOODING),
            all.coefficients
        ),
        Masking::Approximate => format!(
            "{} of {} outputs are one unit beside the product.",
            all.off_by_one, all.coefficients
        ),
    };
    format!(
        "{}, {} mode, shares modulo 2^{}, weights of {} bits: `{}`\n{} ({}), {} cores; revision {}, {}\n{fence}\n{t}\n\n\
         in, out: ciphertexts. counted: operations times what each costs by itself, of both parties together. measured: until\n\
         both parties have their shares, one thread each over loop-back TCP, weights encoded within.\n{distance}",
        args.model,
        args.mode.name(),
        args.bits,
        args.weight_bits,
        args.command(),
        machine.cpu,
        machine.cpu_level,
        machine.cores,
        env!("PIQUET_REVISION"),
        record::now(),
    )
}
