//! Real consent tools in Firefox: a part of the table of conformance that takes a minute. `cargo xtask consent` runs all of it.

use anyhow::Result;
use waver_tests::browser::Engine;
use waver_tests::consent::run::run_pairs;
use waver_tests::consent::tool::Tool::{Klaro, Orejime, Page, Tcf, Vanilla};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_and_module_agree_in_firefox() -> Result<()> {
    run_pairs(
        Engine::Firefox,
        &[("C1", Orejime), ("C5", Klaro), ("C7", Vanilla), ("C8", Page), ("C11", Vanilla), ("C14", Tcf)],
    )
    .await
}
