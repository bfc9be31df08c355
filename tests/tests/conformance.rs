//! The same vectors natively, in node and in a headless browser: bit-equal features and scores (invariant I5).
//!
//! `cargo xtask test` runs this file three times, and so does `cargo xtask test -- signals_give` with nothing else; natively alone:
//! `cargo test -p waver-tests --test conformance`.

use waver_schema::{FrustrationKind, HesitationKind};
use waver_tests::conformance::{FILES, Vector, run};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn signals_give_the_same_bits_everywhere() {
    for (name, text) in FILES {
        let vector: Vector = serde_json::from_str(text).expect("a vector");
        let outcome = run(&vector.signals);
        for (index, (got, want)) in outcome.scores.iter().zip(&vector.expected.scores).enumerate() {
            assert_eq!(got, want, "{name}: scores after signal {index}: {:?}", vector.signals[index]);
        }
        assert_eq!(outcome, vector.expected, "{name}");
    }
}

#[test]
fn the_vectors_exercise_every_detector() {
    let all: String = FILES.iter().map(|(_, text)| *text).collect();
    for kind in HesitationKind::ALL {
        assert!(all.contains(&format!("\"hesitation\": \"{}\"", kind.as_str())), "no vector raises {kind:?}");
    }
    for kind in FrustrationKind::ALL {
        assert!(all.contains(&format!("\"frustration\": \"{}\"", kind.as_str())), "no vector raises {kind:?}");
    }
}
