//! Who or what sends: read from headers that are forgotten again with the request. Only two closed words of it are kept.
//!
//! This sorts out what says what it is, which is most of it, and keeps no list of everything that does: crawlers put `bot`, `crawler`,
//! `spider` or an address of their own into `User-Agent`, HTTP libraries name no browser's engine, and agents that shop for somebody are
//! few enough for a table. Who lies about it is found by what no person can do (`waver_core::session`), not here.

use axum::http::{HeaderMap, HeaderName, header};
use waver_core::session::Client;
use waver_schema::{BrowserFamily, TrafficClass};

const CLIENT_HINTS: HeaderName = HeaderName::from_static("sec-ch-ua");
/// Whose key signed the request: Web Bot Auth, draft-meunier-web-bot-auth-architecture.
const SIGNATURE_AGENT: HeaderName = HeaderName::from_static("signature-agent");
/// Bytes of a header that are looked at; what a browser says of itself is shorter.
const LOOKED_AT: usize = 512;

/// Agents that act for a person who asked them to, in lower case: those of ai.robots.txt that visit at somebody's request, as their
/// makers document them. Agents that look like any browser sign their requests instead (`Signature-Agent`).
const SHOPPING_AGENTS: &[&str] = &[
    "amazonbuyforme",
    "amzn-user",
    "chatgpt agent",
    "chatgpt-user",
    "claude-user",
    "google-agent",
    "googleagent-mariner",
    "manus-user",
    "mistralai-user",
    "novaact",
    "operator/",
    "perplexity-user",
    "shap-user",
];

/// What programs that drive a browser, or measure one, put into `User-Agent`; in lower case.
const DRIVEN_BROWSERS: &[&str] = &[
    "chrome-lighthouse",
    "cypress/",
    "headlesschrome",
    "htmlunit",
    "jsdom",
    "phantomjs",
    "playwright",
    "puppeteer",
    "selenium",
];

/// What crawlers say of themselves beside `bot`; in lower case.
const CRAWLERS: &[&str] = &[
    "crawl",
    "externalagent",
    "externalfetcher",
    "facebookexternalhit",
    "feedfetcher",
    "google-inspectiontool",
    "googleother",
    "http://",
    "https://",
    "mediapartners-google",
    "slurp",
    "spider",
    "uptime",
];

/// What every browser of today says; HTTP libraries say none of it.
const ENGINES: &[&str] = &["applewebkit/", "gecko/", "presto/", "trident/"];

/// What the headers of a request say of its sender.
pub(super) fn of(headers: &HeaderMap) -> Client {
    let user_agent = text(headers, &header::USER_AGENT);
    Client { traffic: traffic(headers, &user_agent), browser: browser(&user_agent) }
}

fn traffic(headers: &HeaderMap, user_agent: &str) -> TrafficClass {
    let says = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
    if says(SHOPPING_AGENTS) {
        TrafficClass::ShoppingAgent
    } else if says(CRAWLERS) || names_a_bot(user_agent) || headers.contains_key(header::FROM) {
        TrafficClass::Crawler
    } else if headers.contains_key(SIGNATURE_AGENT) {
        // Whoever signs and runs the scripts of a page acts on it; crawlers that sign also say that they crawl.
        TrafficClass::ShoppingAgent
    } else if says(DRIVEN_BROWSERS) || text(headers, &CLIENT_HINTS).contains("headless") || !says(ENGINES) {
        TrafficClass::Automation
    } else {
        TrafficClass::Shopper
    }
}

/// Whether a word ends in `bot`, but for the telephones of that name.
fn names_a_bot(user_agent: &str) -> bool {
    user_agent.split(|sign: char| !sign.is_ascii_alphanumeric()).any(|word| word.ends_with("bot") && word != "cubot")
}

fn browser(user_agent: &str) -> BrowserFamily {
    // The order matters: each of these also names those below it.
    let families = [
        ("iphone", BrowserFamily::Safari), // every browser of iOS is Safari inside
        ("ipad", BrowserFamily::Safari),
        ("samsungbrowser/", BrowserFamily::Samsung),
        ("edg/", BrowserFamily::Edge),
        ("edga/", BrowserFamily::Edge),
        ("firefox/", BrowserFamily::Firefox),
        ("chrome/", BrowserFamily::Chrome),
        ("safari/", BrowserFamily::Safari),
    ];
    let found = families.iter().find(|(word, _)| user_agent.contains(word));
    found.map_or(BrowserFamily::Other, |(_, family)| *family)
}

/// The beginning of a header in lower case; empty if it is missing.
fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let bytes = headers.get(name).map_or(&[][..], |value| value.as_bytes());
    String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";

    fn with(headers: &[(&'static str, &str)]) -> Client {
        of(&headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")))
            .collect())
    }

    #[test]
    fn browsers_are_shoppers_and_their_family_is_known() {
        for (user_agent, family) in [
            (CHROME, BrowserFamily::Chrome),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
                BrowserFamily::Chrome,
            ),
            (
                "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.91 Mobile Safari/537.36",
                BrowserFamily::Chrome,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                BrowserFamily::Safari,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0 Mobile/15E148 Safari/604.1",
                BrowserFamily::Safari,
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", BrowserFamily::Firefox),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
                BrowserFamily::Edge,
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                BrowserFamily::Samsung,
            ),
            ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", BrowserFamily::Other),
        ] {
            let expected = Client { traffic: TrafficClass::Shopper, browser: family };
            assert_eq!(with(&[("user-agent", user_agent)]), expected, "{user_agent}");
        }
    }

    #[test]
    fn what_says_that_it_is_none_is_believed() {
        for (user_agent, class) in [
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", TrafficClass::Crawler),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
                TrafficClass::Crawler,
            ),
            ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)", TrafficClass::Crawler),
            ("meta-externalagent/1.1", TrafficClass::Crawler),
            ("Twitterbot/1.0", TrafficClass::Crawler),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
                TrafficClass::ShoppingAgent,
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)",
                TrafficClass::ShoppingAgent,
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Claude-User/1.0; +Claude-User@anthropic.com)",
                TrafficClass::ShoppingAgent,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
                TrafficClass::Automation,
            ),
            ("Mozilla/5.0 (linux) AppleWebKit/537.36 (KHTML, like Gecko) jsdom/26.0.0", TrafficClass::Automation),
            ("curl/8.14.1", TrafficClass::Automation),
            ("python-requests/2.32.4", TrafficClass::Automation),
            ("Go-http-client/1.1", TrafficClass::Automation),
            ("node", TrafficClass::Automation),
            ("Mozilla/5.0", TrafficClass::Automation),
            ("", TrafficClass::Automation),
        ] {
            assert_eq!(with(&[("user-agent", user_agent)]).traffic, class, "{user_agent}");
        }
        assert_eq!(with(&[]).traffic, TrafficClass::Automation, "no browser keeps quiet about itself");
    }

    #[test]
    fn other_headers_tell_too() {
        let browser = ("user-agent", CHROME);
        // As ChatGPT's agent sends it, with the user agent of an ordinary browser.
        let signed = with(&[browser, ("signature-agent", "\"https://chatgpt.com\""), ("signature", "sig1=:AA==:")]);
        assert_eq!(signed.traffic, TrafficClass::ShoppingAgent);
        let headless = "\"Chromium\";v=\"138\", \"HeadlessChrome\";v=\"138\"";
        assert_eq!(with(&[browser, ("sec-ch-ua", headless)]).traffic, TrafficClass::Automation);
        assert_eq!(with(&[browser, ("from", "googlebot(at)googlebot.com")]).traffic, TrafficClass::Crawler);
    }

    #[test]
    fn whatever_is_in_a_header_is_survived() {
        let mut headers = HeaderMap::new();
        for bytes in [&[0xff; 4000][..], "é".repeat(400).as_bytes()] {
            headers.insert(header::USER_AGENT, axum::http::HeaderValue::from_bytes(bytes).expect("a value"));
            assert_eq!(of(&headers).traffic, TrafficClass::Automation);
        }
    }
}
