use std::fmt;
use std::str::FromStr;

use url::Url;

/// The address of a collector: scheme, host and port. It goes into pages and headers, so nothing else gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// A text that is not an [`Origin`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an address such as http://127.0.0.1:7070: scheme, host and port, and no path")]
pub struct InvalidOrigin;

impl Origin {
    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Origin, InvalidOrigin> {
        let url = Url::parse(text).map_err(|_| InvalidOrigin)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        let web = matches!(url.scheme(), "http" | "https");
        let origin = url.origin().ascii_serialization();
        // URLs allow more in a host than a Content-Security-Policy or an HTML attribute could carry unharmed.
        let plain = origin.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-_[]".contains(&byte));
        if bare && anonymous && web && plain { Ok(Origin(origin)) } else { Err(InvalidOrigin) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, origin) in [
            ("http://127.0.0.1:7070", "http://127.0.0.1:7070"),
            ("http://127.0.0.1:7070/", "http://127.0.0.1:7070"),
            ("https://Collector.Example", "https://collector.example"),
            ("http://[::1]:7070", "http://[::1]:7070"),
        ] {
            assert_eq!(text.parse::<Origin>().expect(text).as_str(), origin);
        }
    }

    #[test]
    fn whatever_could_break_out_of_a_header_or_a_page_is_refused() {
        for text in [
            "127.0.0.1:7070",
            "file:///etc/passwd",
            "http://host/path",
            "http://host/?query",
            "http://user:secret@host",
            "http://host;script-src",
            "http://ho'st",
            "",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text}");
        }
    }
}
