//! Tests across crates: conformance, collector, crash and browser. Each file under `tests/` is one subject.
