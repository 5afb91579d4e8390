//! Each target over variants of its corpus.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use fuzz::variants::{corpus, corpus_folder, variant};

/// How many variants each target gets, and for how long at most.
const VARIANTS: usize = 2000;
const LONGEST: Duration = Duration::from_secs(1);

#[test]
fn every_target_withstands_variants_of_its_corpus() {
    for (name, check) in fuzz::TARGETS {
        let corpus = corpus(name);
        assert!(
            corpus.len() >= 10,
            "{name} has only {} inputs",
            corpus.len()
        );
        let mut rng = Rng::new();
        let began = Instant::now();
        for _ in 0..VARIANTS {
            let input = variant(&corpus, &mut rng);
            if catch_unwind(|| check(&input)).is_err() {
                let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("found-{name}"));
                fs::write(&found, &input).expect("the folder is writable");
                panic!(
                    "{name} fails; to replay it: cp {} {} && cargo test --workspace --test targets {name}",
                    found.display(),
                    corpus_folder(name).display()
                );
            }
            if began.elapsed() > LONGEST {
                break;
            }
        }
    }
}
