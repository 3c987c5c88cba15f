//! Each function with the files of its corpus, and with changes of them that are
//! the same in every run.
//!
//! `DCV_TEST_FUZZ_ITERATIONS` is the number of changes for each function, 200
//! unless it is set.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first failure"
)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use dcv_resolver_fuzz::{TARGETS, Target};
use fastrand::Rng;

const DEFAULT_ITERATIONS: u64 = 200;
const MAX_CHANGES: usize = 4;
const MAX_BYTES: usize = 16 * 1024;

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name), dcv_resolver_fuzz::$name);
            }
        )*

        #[test]
        fn every_target_has_a_test_a_corpus_and_a_wrapper() {
            let targets: BTreeSet<_> = TARGETS.map(|(name, _)| name.to_owned()).into();
            let tests: BTreeSet<_> = [$(stringify!($name).to_owned()),*].into();
            let names = |folder: &str| -> BTreeSet<String> {
                let entries = fs::read_dir(here().join(folder)).unwrap();
                let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
                entries.map(|entry| stem(entry.unwrap().path())).collect()
            };
            assert_eq!(targets, tests);
            assert_eq!(targets, names("corpus"));
            assert_eq!(targets, names("libfuzzer/fuzz_targets"));
        }
    };
}

targets! {
    admin_body
    configuration
    dcv_conf
    gateway_config
    host_and_id
    pem
    query
    redis_value
    request
    session_json
    session_toml
    sqlite_row
    stored_record
    traceparent
    upstream_answer
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(name: &str, target: Target) {
    let corpus = corpus(name);
    for (file, input) in &corpus {
        check(target, input, file);
    }
    let iterations = std::env::var("DCV_TEST_FUZZ_ITERATIONS")
        .map_or(DEFAULT_ITERATIONS, |number| number.parse().unwrap());
    for iteration in 0..iterations {
        let mut random = Rng::with_seed(iteration);
        let (file, input) = &corpus[random.usize(..corpus.len())];
        let mut input = input.clone();
        for _ in 0..random.usize(1..=MAX_CHANGES) {
            change(&mut input, &corpus, &mut random);
        }
        input.truncate(MAX_BYTES);
        check(target, &input, &format!("change {iteration}, of {file}"));
    }
}

/// The files, by name.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(here().join("corpus").join(name)).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn check(target: Target, input: &[u8], origin: &str) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
        panic!("see above; {origin}: b\"{}\"", input.escape_ascii());
    }
}

/// Changes `input` at a random place.
fn change(input: &mut Vec<u8>, corpus: &[(String, Vec<u8>)], random: &mut Rng) {
    const BYTES: &[u8] = b"\0\t\n\r \"#%&'+,-./0123456789:;=?@AZ[\\]az{|}\x7f\x80\xc3\xff";
    let at = random.usize(..=input.len());
    let len = random.usize(..=(input.len() - at).min(32));
    match random.u8(..6) {
        0 => drop(input.drain(at..at + len)),
        1 => input.insert(at, BYTES[random.usize(..BYTES.len())]),
        2 if at < input.len() => input[at] = BYTES[random.usize(..BYTES.len())],
        3 if at < input.len() => input[at] = random.u8(..),
        4 => {
            let part = input[at..at + len].repeat(random.usize(1..4));
            input.splice(at..at, part);
        }
        // What another file has from some place on.
        _ => {
            let (_, other) = &corpus[random.usize(..corpus.len())];
            let rest = &other[random.usize(..=other.len())..];
            input.truncate(at);
            input.extend(rest);
        }
    }
}
