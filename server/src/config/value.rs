//! Values that are checked while they are read, so that an error names their line.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};
use subtle::ConstantTimeEq;

/// A text that is never printed and is compared in constant time.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it is.
    pub fn new(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    /// Whether `other` is the same text. Takes the same time wherever they differ; their lengths are no secret.
    pub fn equals(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }

    /// The secret itself, for whoever has to present it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Its length.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// An origin as browsers print it: scheme, host, and the port unless it is the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Origin, D::Error> {
        let text = String::deserialize(deserializer)?;
        let host = text.strip_prefix("https://").or(text.strip_prefix("http://"));
        let plain = |host: &str| {
            !host.is_empty()
                && !host
                    .bytes()
                    .any(|byte| byte.is_ascii_uppercase() || b"/?#@* \\".contains(&byte) || !byte.is_ascii_graphic())
        };
        match host {
            Some(host) if plain(host) => Ok(Origin(text)),
            _ => Err(de::Error::custom(
                "expected an origin: scheme, host and port in lower case, without a slash at the end, such as https://shop.example",
            )),
        }
    }
}

/// Where proxies say for whom they ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, as nearly all proxies send it.
    #[default]
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// A list of addresses and networks.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let read = |text: String| {
        let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        network.ok_or_else(|| de::Error::custom("expected an address or a network, such as 192.0.2.7 or 10.0.0.0/8"))
    };
    Vec::<String>::deserialize(deserializer)?.into_iter().map(read).collect()
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What broke.
    Error,
    /// Also what may need a person.
    Warn,
    /// Also each request and the life of the process.
    #[default]
    Info,
    /// Also what helps to find a fault.
    Debug,
}

/// Durations with their unit, such as `30s` or `1m 30s`.
pub(super) mod duration {
    use super::*;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<std::time::Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = "expected a duration with its unit, such as \"30s\"";
        humantime::parse_duration(&text).map_err(|_| de::Error::custom(expected))
    }
}

/// Whole days between 1 and 90, or `off`.
///
/// # Errors
/// For anything else.
pub(super) fn days_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    const DAY_S: u64 = 24 * 60 * 60;
    let text = String::deserialize(deserializer)?;
    if text == "off" {
        return Ok(None);
    }
    let duration = humantime::parse_duration(&text);
    let days = duration.ok().filter(|it| it.as_secs().is_multiple_of(DAY_S) && it.subsec_nanos() == 0);
    let days = days.filter(|it| (DAY_S..=90 * DAY_S).contains(&it.as_secs()));
    days.map(Some).ok_or_else(|| de::Error::custom("expected whole days between 1 and 90 such as `30days`, or `off`"))
}
