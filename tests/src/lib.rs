//! What the tests across crates share. Each file under `tests/` is one subject; run one alone with
//! `cargo test -p waver-tests --test conformance` and the like.

pub mod conformance;
