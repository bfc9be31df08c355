//! Real consent tools in Chromium: a part of the table of conformance that takes two minutes. `cargo xtask consent` runs all of it.

use anyhow::Result;
use waver_tests::browser::Engine;
use waver_tests::consent::run::run_pairs;
use waver_tests::consent::tool::Tool::{C15t, Gpp, Klaro, Orejime, Page, Tarteaucitron, Tcf, Vanilla};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_and_module_agree_in_chromium() -> Result<()> {
    run_pairs(
        Engine::Chromium,
        &[
            ("C1", Tcf),
            ("C2", Klaro),
            ("C3", Tcf),
            ("C3", Gpp),
            ("C4", Vanilla),
            ("C5", Orejime),
            ("C6", C15t),
            ("C7", Vanilla),
            ("C8", Tarteaucitron),
            ("C9", Klaro),
            ("C10", Vanilla),
            ("C11", Tarteaucitron),
            ("C11", Page),
            ("C12", Vanilla),
            ("C13", Gpp),
            ("C14", Page),
            ("C16", Tarteaucitron),
            ("C18", Gpp),
            ("C22", Page),
            ("C33", Page),
            ("C34", Orejime),
            ("C35", Tcf),
            ("C37", Page),
        ],
    )
    .await
}
