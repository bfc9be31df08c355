//! `waver export --aggregates`.

use std::io;
use std::path::{Path, PathBuf};

use axum::http::Method;
use http_body_util::BodyExt;
use waver_schema::ApiError;
use waver_store::StoreError;

use super::{Asked, ExportError, Releases, export};
use crate::collector::{StartError, Stores, bring_up, open_keyring};
use crate::config::Config;
use crate::host::Host;
use crate::running;
use crate::site::Sites;

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The data folder or what it belongs to cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What was asked for cannot be given.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The running collector does not give it.
    #[error("the running collector gives no export: {0}")]
    Refused(String),
    /// The file.
    #[error("{path}: {source}; what the export cost is spent")]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Writes counts with noise to the file `to`: from the running collector of `config`, or if none runs from its data folder. Gives them too.
///
/// # Errors
/// [`CommandError`].
pub(crate) async fn write(config: &Config, asked: &Asked, to: &Path) -> Result<String, CommandError> {
    let text = match Stores::open(config) {
        Ok(stores) => {
            let (sites, _) = Sites::load(&config.sites).map_err(StartError::from)?;
            let keyring = open_keyring(config, &sites, Host::system()).await.map_err(StartError::from)?;
            let state = bring_up(&stores.log, &stores.snapshots, &sites, &keyring).await.map_err(StartError::from)?;
            let releases = Releases::open(config, &sites).map_err(StartError::from)?;
            let aggregates = export(&releases, &state, &sites, asked, Host::system().now())?;
            serde_json::to_string_pretty(&aggregates).map_err(|error| CommandError::Refused(error.to_string()))?
        }
        Err(StoreError::Locked { .. }) => ask(config, asked).await.map_err(CommandError::Refused)?,
        Err(error) => return Err(StartError::from(error).into()),
    };
    std::fs::write(to, format!("{text}\n")).map_err(|source| CommandError::File { path: to.to_owned(), source })?;
    Ok(text)
}

async fn ask(config: &Config, asked: &Asked) -> Result<String, String> {
    let body = serde_json::to_vec(asked).map_err(|error| error.to_string())?;
    let answer = running::ask(config, Method::POST, "/v1/export/aggregates", body).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    if !status.is_success() {
        let told = serde_json::from_slice::<ApiError>(&body).map(|error| error.message);
        return Err(told.unwrap_or_else(|_| format!("it answered {status}")));
    }
    String::from_utf8(body.to_vec()).map_err(|error| error.to_string())
}
