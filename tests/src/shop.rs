//! The demo shop in a process of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Child;

use crate::workspace::{dist, eventually, sim};

/// A shop under test. Dropping it ends it.
pub struct Shop {
    _process: Child,
}

impl Shop {
    /// Serves the built demo shop at `port` of loopback with the tag of the collector at `collector`.
    ///
    /// # Errors
    /// When the shop is not built or does not come up.
    pub async fn start(port: u16, collector: &str) -> Result<Shop> {
        Shop::serve(&dist("shop")?, port, collector).await
    }

    /// Serves the pages in `folder` as the demo shop's are served.
    ///
    /// # Errors
    /// When the server does not come up.
    pub async fn serve(folder: &Path, port: u16, collector: &str) -> Result<Shop> {
        let address = format!("127.0.0.1:{port}");
        let process = sim()?
            .args(["shop", "--listen", &address, "--collector", collector, "--dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting the shop")?;
        let http = reqwest::Client::new();
        eventually("the shop to answer", Duration::from_secs(20), || async {
            Ok(http.get(format!("http://{address}/")).send().await?.status().is_success().then_some(()))
        })
        .await?;
        Ok(Shop { _process: process })
    }
}
