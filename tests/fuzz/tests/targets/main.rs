//! The fuzz targets as tests. `make fuzz` runs them with libFuzzer. Here each runs over its corpus and over random bytes, and
//! the modules run them over variants of the corpus and compare the signature check with other programs.

mod differential;
mod variants;

/// How many random inputs a plain `cargo test` tries.
const RANDOM_INPUTS: usize = 1000;

macro_rules! targets {
    ($($target:ident)+) => {
        $(
            #[test]
            fn $target() {
                bolero::check!()
                    .with_iterations(RANDOM_INPUTS)
                    .for_each(fuzz::$target::check);
            }
        )+

        #[test]
        fn every_target_is_a_test() {
            let names = fuzz::TARGETS.map(|(name, _)| name);
            assert_eq!(names, [$(stringify!($target)),+]);
        }
    };
}

targets! {
    signature
    gateway_event
    sqs_batch
    queue_message
    secrets
    token_answer
    partner_types
}
