use serde::{Deserialize, Serialize};
use waver_schema::{BrowserFamily, TrafficClass};

/// What a session's first request said of its sender, reduced at the edge to two closed words; what they were read from is forgotten there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Client {
    /// Who or what it says to be.
    pub traffic: TrafficClass,
    /// With which kind of browser.
    pub browser: BrowserFamily,
}

impl Default for Client {
    /// Nothing said: a shopper until shown otherwise, with a browser that is not known.
    fn default() -> Client {
        Client { traffic: TrafficClass::Shopper, browser: BrowserFamily::Other }
    }
}
