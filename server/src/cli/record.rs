//! `waver record`.

use std::path::{Path, PathBuf};

use super::{Configured, Exit, with_config};
use crate::config::Config;
use crate::processing::{self, ProcessingRecord};

#[derive(Debug, clap::Args)]
pub(super) struct RecordArguments {
    #[command(flatten)]
    configured: Configured,
    /// The folder to write processing-record.json, processing-record.md and privacy-notice.md to. Without it the record is printed as JSON.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

pub(super) fn run(arguments: &RecordArguments) -> Exit {
    with_config(&arguments.configured, |config| write(&config, arguments.to.as_deref()))
}

fn write(config: &Config, folder: Option<&Path>) -> Exit {
    let record = ProcessingRecord::new(&config.retention);
    let json = match serde_json::to_string_pretty(&record) {
        Ok(json) => json + "\n",
        Err(error) => {
            eprintln!("waver: {error}");
            return Exit::System;
        }
    };
    let Some(folder) = folder else {
        print!("{json}");
        return Exit::Ok;
    };
    let files = [
        ("processing-record.json", json),
        ("processing-record.md", processing::record(&record)),
        ("privacy-notice.md", processing::notice(&record)),
    ];
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| files.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text)));
    match written {
        Ok(()) => {
            files.iter().for_each(|(name, _)| println!("wrote {}", folder.join(name).display()));
            Exit::Ok
        }
        Err(error) => {
            eprintln!("waver: {}: {error}", folder.display());
            Exit::Io
        }
    }
}
