//! A collector under test, and what a browser would send to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use waver::{Collector, Config, Host};

pub(crate) const ADMIN_TOKEN: &str = "a-token-for-tests-only-0123456789abcdef";
/// What an ordinary browser says of itself. Programs that do not say it count as automation.
pub(crate) const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
pub(crate) const SHOP: &str = "https://shop.example";
/// The clock of collectors in this process stands here until a test moves it: at the very start of a window, where an end that
/// excludes it would show.
pub(crate) const NOW: u64 = 1_800_000_000_000;
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
data_dir = "data"

# Tests look at single sessions.
[release]
k = 0

[sites.demo]
origins = ["https://shop.example"]
offers = "offers.toml"
allow_no_origin = true

[sites.strict]
origins = ["https://strict.example"]
offers = "offers.toml"
"#;

/// Offers ten percent in the cart to everybody who asks, once.
const OFFERS: &str = r#"
[policy]
holdout = 0.0
kill_switch = false
default_locale = "en"

[[offer]]
id = "ten-percent"
slots = ["cart"]
kind = "percent"
value = 10
priority = 10
per_session = 1
cooldown = "10m"
expires_after = "30m"
when = "session.purchases == 0"

[offer.text.en]
text = "10 % off your order"
disclosure = "This offer was personalised for you by automated decision-making."
accept = "Take it"
dismiss = "No, thanks"
"#;

/// A folder with a configuration, its offers, and later the data.
pub(crate) fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("waver.toml"), CONFIG).expect("writes");
    std::fs::write(folder.path().join("offers.toml"), OFFERS).expect("writes");
    folder
}

/// A collector in this process.
pub(crate) struct Running {
    collector: Collector,
    pub(crate) caller: Caller,
    pub(crate) clock: Arc<AtomicU64>,
    folder: TempDir,
}

impl Running {
    pub(crate) async fn start() -> Running {
        Running::start_in(folder(), &[]).await
    }

    /// With settings of the environment over the configuration.
    pub(crate) async fn start_with(environment: &[(&str, &str)]) -> Running {
        Running::start_in(folder(), environment).await
    }

    pub(crate) async fn start_in(folder: TempDir, environment: &[(&str, &str)]) -> Running {
        let clock = Arc::new(AtomicU64::new(NOW));
        let token = [("WAVER__ADMIN__TOKEN", ADMIN_TOKEN)];
        let environment = environment.iter().chain(&token).map(|(name, value)| ((*name).into(), (*value).into()));
        let config = Config::load(&folder.path().join("waver.toml"), environment).expect("a configuration");
        let told = Arc::clone(&clock);
        let host = Host::system().with_clock(move || told.load(Ordering::SeqCst));
        let collector = Collector::start_on(config, host).await.expect("starts");
        let caller = Caller::new(format!("http://{}", collector.address()));
        Running { collector, caller, clock, folder }
    }

    /// Stops it and starts it again on the same data.
    pub(crate) async fn restart(self) -> Running {
        self.restart_with(&[]).await
    }

    /// The same with settings of the environment over the configuration.
    pub(crate) async fn restart_with(self, environment: &[(&str, &str)]) -> Running {
        self.collector.shutdown().await;
        Running::start_in(self.folder, environment).await
    }

    /// The same; between the two somebody else has the data folder.
    pub(crate) async fn restart_after(self, meanwhile: impl FnOnce(&Path), environment: &[(&str, &str)]) -> Running {
        self.collector.shutdown().await;
        meanwhile(self.folder.path());
        Running::start_in(self.folder, environment).await
    }

    pub(crate) async fn stop(self) {
        self.collector.shutdown().await;
    }

    /// Stops it and looks at what it left.
    pub(crate) async fn stop_and_look(self, look: impl FnOnce(&Path)) {
        self.collector.shutdown().await;
        look(self.folder.path());
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Sends requests to one collector.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) url: String,
    pub(crate) http: Client,
}

impl Caller {
    pub(crate) fn new(url: String) -> Caller {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).user_agent(BROWSER);
        let http = http.build().expect("a client");
        Caller { url, http }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(method.parse().expect("a method"), format!("{}{path}", self.url))
    }

    pub(crate) async fn send(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request("POST", path).json(body).send().await.expect("an answer")).await
    }

    /// What an operator reads at `path`.
    pub(crate) async fn admin(&self, path: &str) -> Value {
        let request = self.request("GET", path).bearer_auth(ADMIN_TOKEN);
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Grants both purposes and returns the epoch.
    pub(crate) async fn grant(&self, session: &str) -> u64 {
        self.consent(session, "granted", "granted").await
    }

    /// Puts these choices on record and returns the epoch.
    pub(crate) async fn consent(&self, session: &str, measure: &str, personalize: &str) -> u64 {
        let answer = self.send("/v1/consents", &consent(session, measure, personalize)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["consent_epoch"].as_u64().expect("an epoch")
    }

    /// The sum of a metric over the lines that hold all of `labels`.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let response = self.request("GET", "/metrics").send().await.expect("an answer");
        let text = response.text().await.expect("a text");
        let values = text
            .lines()
            .filter(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)))
            .map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number"));
        values.sum::<f64>() as u64
    }
}

/// A page of the site that takes nothing without its origin.
pub(crate) struct Shopper(Caller);

impl Shopper {
    pub(crate) fn at_the_strict_site(caller: &Caller) -> Shopper {
        Shopper(caller.clone())
    }

    /// Puts these choices on record.
    pub(crate) async fn consent(&self, session: &str, measure: &str, personalize: &str) {
        let mut record = consent(session, measure, personalize);
        record["site"] = json!("strict");
        let request = self.0.request("POST", "/v1/consents").header("origin", "https://strict.example").json(&record);
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// An answer with its JSON, or null where it has none.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a body");
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a text"))
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// Waits until `question` answers with something.
pub(crate) async fn eventually<T>(what: &str, mut question: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A session's id.
pub(crate) fn session(number: u64) -> String {
    format!("5e551011{number:024x}")
}

pub(crate) fn consent(session: &str, measure: &str, personalize: &str) -> Value {
    json!({"v": 1, "site": "demo", "session": session, "measure": measure, "personalize": personalize, "source": "page_call"})
}

pub(crate) fn batch(session: &str, consent_epoch: u64, events: impl IntoIterator<Item = Value>) -> Value {
    let events: Vec<Value> = events.into_iter().collect();
    json!({"v": 1, "site": "demo", "session": session, "consent_epoch": consent_epoch, "sent_at": NOW, "events": events})
}

/// A view of a product page.
pub(crate) fn view(seq: u64) -> Value {
    json!({"seq": seq, "t": seq * 100, "type": "page_view", "page": "product", "navigation": "load", "referrer": "direct", "device": "mouse"})
}

pub(crate) fn decision_request(session: &str, consent_epoch: u64) -> Value {
    json!({"site": "demo", "session": session, "consent_epoch": consent_epoch, "slot": "cart", "page": "cart", "locale": "en-GB"})
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("lists") {
        let path = entry.expect("lists").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
