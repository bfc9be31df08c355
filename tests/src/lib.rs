//! What the tests across crates share. Each file under `tests/` is one subject; run one alone with
//! `cargo test -p waver-tests --test conformance` and the like.
//!
//! Tests that draw by chance print their seed when they fail; `WAVER_SEED` in the environment gives them the same one again. What takes minutes
//! is ignored and runs by `cargo xtask test --soak`.

pub mod conformance;

#[cfg(not(target_arch = "wasm32"))]
pub mod browser;
#[cfg(not(target_arch = "wasm32"))]
pub mod caller;
#[cfg(not(target_arch = "wasm32"))]
pub mod collector;
#[cfg(not(target_arch = "wasm32"))]
pub mod consent;
#[cfg(not(target_arch = "wasm32"))]
pub mod devtools;
#[cfg(not(target_arch = "wasm32"))]
pub mod house;
#[cfg(not(target_arch = "wasm32"))]
pub mod scripted;
#[cfg(not(target_arch = "wasm32"))]
pub mod shop;
#[cfg(not(target_arch = "wasm32"))]
pub mod tap;
#[cfg(not(target_arch = "wasm32"))]
pub mod visit;
#[cfg(not(target_arch = "wasm32"))]
pub mod visitor;
#[cfg(not(target_arch = "wasm32"))]
mod workspace;

#[cfg(not(target_arch = "wasm32"))]
pub use workspace::{eventually, free_port, seed, sim};
