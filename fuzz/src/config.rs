//! `waver.toml` and the environment over it.

use std::cell::RefCell;
use std::path::Path;

use tempfile::TempDir;
use waver::Config;

/// The token in the environment and in the file: no message and no debug output may show it.
const TOKEN: &str = "a-secret-0123456789-0123456789-0123456789";

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// Lines that begin with `WAVER__` are the environment, the others the file.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Whoever writes the file may name any other as that of the token; devices never end.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let (environment, file): (Vec<&str>, Vec<&str>) = text.split('\n').partition(|line| line.starts_with("WAVER__"));
    let mut environment: Vec<(String, String)> = environment
        .into_iter()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if bytes.len().is_multiple_of(2) {
        environment.push(("WAVER__ADMIN__TOKEN".to_owned(), TOKEN.to_owned()));
    }
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("token"), TOKEN).expect("a file");
            folder
        });
        check(folder.path(), &file.join("\n"), environment);
    });
}

fn check(folder: &Path, file: &str, environment: Vec<(String, String)>) {
    let path = folder.join("waver.toml");
    std::fs::write(&path, file).expect("a file");
    let shown = match Config::load(&path, environment) {
        Err(error) => {
            let message = error.to_string();
            assert!(!message.trim().is_empty(), "{error:?}");
            message
        }
        Ok(config) => {
            assert!(!config.sites.is_empty() && config.limits.queue > 0, "{config:?}");
            assert!(config.server.data_dir.is_absolute(), "{config:?}");
            assert!(config.admin.token.as_ref().is_none_or(|token| token.chars() >= 32), "{config:?}");
            for site in config.sites.values() {
                for origin in &site.origins {
                    let plain = !origin.as_str().contains(['*', ' ', '@', '?', '#']);
                    assert!(plain && !origin.as_str().ends_with('/'), "{origin:?}");
                }
            }
            format!("{config:?}")
        }
    };
    assert!(file.contains(TOKEN) || !shown.contains(TOKEN), "the token is shown: {shown}");
}
