//! Real consent tools in Chromium: a part of the table of conformance that takes two minutes. `cargo xtask consent` runs all of it.

use anyhow::Result;
use waver_tests::browser::Engine;
use waver_tests::consent::run::run_pairs;
use waver_tests::consent::tool::Tool::{Page, Vanilla};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_and_module_agree_in_chromium() -> Result<()> {
    run_pairs(
        Engine::Chromium,
        &[
            ("C1", Vanilla),
            ("C2", Vanilla),
            ("C3", Page),
            ("C4", Vanilla),
            ("C5", Vanilla),
            ("C6", Page),
            ("C11", Vanilla),
            ("C12", Vanilla),
            ("C13", Vanilla),
            ("C33", Page),
            ("C35", Vanilla),
            ("C37", Page),
        ],
    )
    .await
}
