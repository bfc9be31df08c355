//! The web server of the pages. Each case has an origin of its own, `cN.localhost`, so that no case finds what another left behind.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::tool::Tool;
use super::{module, packages};

/// What is wrong with the consent tool of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It is not there.
    Absent,
    /// Its script is not found.
    NotFound,
    /// Its script never arrives.
    Hung,
    /// Its script throws, and what it left behind throws at every touch.
    Throwing,
    /// What it left behind answers everything with nonsense.
    Garbage,
    /// A stub that never hands over.
    Stub,
}

/// What a page is made of.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Its consent tool.
    pub tool: Option<Tool>,
    /// Which variant of the tool's page.
    pub variant: &'static str,
    /// What is wrong with the tool.
    pub broken: Option<Broken>,
    /// Whether the module is there; without it, the page is what a control run compares with.
    pub module: bool,
    /// Further attributes of the module's tag.
    pub attributes: &'static str,
    /// Further elements of the head, before the tool.
    pub head: String,
    /// Another vendor's tracker in the place of the module.
    pub tracker: Option<&'static str>,
}

impl Page {
    /// A page with a tool and the module.
    pub fn of(tool: Tool) -> Page {
        Page { tool: Some(tool), module: true, ..Page::default() }
    }

    /// The same in a variant of the tool's page.
    pub fn variant(tool: Tool, variant: &'static str) -> Page {
        Page { variant, ..Page::of(tool) }
    }

    /// The same page without the module.
    pub fn control(&self) -> Page {
        Page { module: false, ..self.clone() }
    }
}

/// A web server of pages. Dropping it ends it.
pub struct Site {
    /// Its port.
    pub port: u16,
    pages: Arc<Mutex<HashMap<String, Page>>>,
    server: JoinHandle<()>,
}

struct Shared {
    pages: Arc<Mutex<HashMap<String, Page>>>,
    sinkhole: String,
    bundles: TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Site {
    /// Opens one at `port` whose pages take `sinkhole` for the collector.
    ///
    /// # Errors
    /// When it cannot listen, or the pages do not bundle.
    pub async fn open(port: u16, sinkhole: &str) -> Result<Site> {
        let bundles = packages::bundle().await?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await.context("listening for the pages")?;
        let pages = Arc::new(Mutex::new(HashMap::new()));
        let shared = Arc::new(Shared { pages: pages.clone(), sinkhole: sinkhole.to_owned(), bundles });
        let router = Router::new().fallback(serve).with_state(shared);
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Site { port, pages, server })
    }

    /// Puts a page at an origin.
    pub fn put(&self, origin: &str, page: Page) {
        let host = origin.trim_start_matches("http://").to_owned();
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(host, page);
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if let Some(file) = path.strip_prefix("/packages/") {
        return send(&packages::folder().join("node_modules"), file);
    }
    if let Some(file) = path.strip_prefix("/pages/") {
        return send(&packages::folder().join("pages"), file);
    }
    if let Some(file) = path.strip_prefix("/bundles/") {
        return send(shared.bundles.path(), file);
    }
    match path.as_str() {
        "/hung.js" => std::future::pending().await,
        "/plain" => Html("<!doctype html><title>Another page</title><p>Nothing is here.").into_response(),
        "/" | "/product" => {
            let page = shared.pages.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned();
            page.map_or_else(not_found, |page| Html(module::page(&page, &shared.sinkhole)).into_response())
        }
        // What frames and prerenders what is at `/`.
        "/frame" => {
            Html("<!doctype html><title>A frame</title><iframe src=/ width=800 height=600></iframe>").into_response()
        }
        "/prerender" => Html(
            "<!doctype html><title>Before</title><script type=speculationrules>\
             {\"prerender\":[{\"urls\":[\"/\"],\"eagerness\":\"immediate\"}]}</script><a id=go href=/>Go</a>",
        )
        .into_response(),
        _ => not_found(),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "There is no such page.").into_response()
}

fn send(folder: &Path, file: &str) -> Response {
    let kind = match file.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "application/octet-stream",
    };
    if file.split('/').any(|part| part == "..") {
        return not_found();
    }
    match std::fs::read(folder.join(file)) {
        Ok(bytes) => ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], bytes).into_response(),
        Err(_) => not_found(),
    }
}
