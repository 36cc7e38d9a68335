//! The corpora of the fuzz targets, replayed by a stable compiler: no file in them is a finding.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz");

type Target = (&'static str, fn(&[u8]));

const TARGETS: &[Target] = &[
    ("core_bits", piquet_core::fuzzing::bits),
    ("core_header", piquet_core::fuzzing::header),
    ("core_reader", piquet_core::fuzzing::reader),
    ("fss_dcf_keys", piquet_fss::fuzzing::dcf_keys),
    ("fss_distributed", piquet_fss::fuzzing::distributed),
    ("fss_key_stream", piquet_fss::fuzzing::key_stream),
    ("fss_levels", piquet_fss::fuzzing::levels),
    ("fss_openings", piquet_fss::fuzzing::openings),
    ("fss_bgi_keys", piquet_fss::fuzzing::bgi_keys),
    ("fss_dpf_keys", piquet_fss::fuzzing::dpf_keys),
    ("fss_idpf_keys", piquet_fss::fuzzing::idpf_keys),
    ("he_client", piquet_he_bridge::fuzzing::client),
    ("he_levels", piquet_he_bridge::fuzzing::levels),
    ("he_public_key", piquet_he_bridge::fuzzing::public_key),
    ("he_server", piquet_he_bridge::fuzzing::server),
    ("he_triples", piquet_he_bridge::fuzzing::triples),
    ("model_functions", piquet_nn_ops::model::fuzzing::functions),
    (
        "model_graph_json",
        piquet_nn_ops::model::fuzzing::graph_json,
    ),
    ("model_imported", piquet_nn_ops::model::fuzzing::imported),
    ("model_onnx", piquet_nn_ops::model::fuzzing::onnx),
    (
        "model_program_json",
        piquet_nn_ops::model::fuzzing::program_json,
    ),
    ("net_agreement", piquet_nn_ops::fuzzing::agreement),
    ("net_frame_header", piquet_nn_ops::fuzzing::frame_header),
    ("net_hello", piquet_nn_ops::fuzzing::hello),
    (
        "ot_base_mlkem_receiver",
        piquet_ot::fuzzing::base_mlkem_receiver,
    ),
    (
        "ot_base_mlkem_sender",
        piquet_ot::fuzzing::base_mlkem_sender,
    ),
    ("ot_additive", piquet_ot::fuzzing::additive),
    ("ot_base_receiver", piquet_ot::fuzzing::base_receiver),
    ("ot_base_sender", piquet_ot::fuzzing::base_sender),
    ("ot_base_uniform", piquet_ot::fuzzing::base_uniform),
    ("ot_choices", piquet_ot::fuzzing::choices),
    ("ot_messages", piquet_ot::fuzzing::messages),
    ("ot_one_of_n", piquet_ot::fuzzing::one_of_n),
    ("ot_ferret_receiver", piquet_ot::fuzzing::ferret_receiver),
    ("ot_ferret_sender", piquet_ot::fuzzing::ferret_sender),
    (
        "ot_softspoken_challenge",
        piquet_ot::fuzzing::softspoken_challenge,
    ),
    (
        "ot_softspoken_extension",
        piquet_ot::fuzzing::softspoken_extension,
    ),
    (
        "ot_softspoken_response",
        piquet_ot::fuzzing::softspoken_response,
    ),
    ("ot_softspoken_setup", piquet_ot::fuzzing::softspoken_setup),
    ("ot_triples", piquet_ot::fuzzing::triples),
    ("sharing_multiply", piquet_secret_sharing::fuzzing::multiply),
    ("sharing_openings", piquet_secret_sharing::fuzzing::openings),
    (
        "sharing_seeded_rep3",
        piquet_secret_sharing::fuzzing::seeded_rep3,
    ),
    ("suite_config", piquet_bench_suite::fuzzing::config),
    ("suite_image", piquet_bench_suite::fuzzing::image),
    ("suite_npy", piquet_bench_suite::fuzzing::npy),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut all: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn no_file_of_a_corpus_is_a_finding() {
    for (name, target) in TARGETS {
        let corpus = files(&Path::new(FUZZ).join("corpus").join(name));
        assert!(!corpus.is_empty(), "{name} has no corpus");
        for file in corpus {
            let bytes = fs::read(&file).unwrap();
            let replayed = std::panic::catch_unwind(|| target(&bytes));
            assert!(replayed.is_ok(), "{name} panics at {}", file.display());
            // Neither are its prefixes, nor the file with a bit flipped: a round of fuzzing that needs no fuzzer.
            let step = bytes.len() / 64 + 1;
            for at in (0..bytes.len()).step_by(step) {
                target(&bytes[..at]);
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                target(&flipped);
            }
        }
    }
}

/// The fuzzer and this file know the same targets, and each target of the fuzzer calls the function that is called here.
#[test]
fn every_target_is_replayed() {
    let here: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = |folder: &str| -> BTreeSet<String> {
        let all = files(&Path::new(FUZZ).join(folder));
        let stems = all.iter().map(|p| p.file_stem().unwrap());
        stems.map(|s| s.to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("fuzz_targets"), here);
    assert_eq!(names("corpus"), here);
    let manifest = fs::read_to_string(Path::new(FUZZ).join("Cargo.toml")).unwrap();
    for name in &here {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{name} is not built"
        );
        let source = Path::new(FUZZ).join(format!("fuzz_targets/{name}.rs"));
        let source = fs::read_to_string(source).unwrap();
        let (_, function) = name.split_once('_').unwrap();
        assert!(source.contains(&format!("fuzzing::{function}(data)")));
    }
}
