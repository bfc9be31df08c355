use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::socket::{Socket, answered};
use crate::browser::PATIENCE;
use crate::workspace::eventually;

/// What a shopper has in front of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// A window of 1280 by 900, and a mouse.
    Desktop,
    /// A phone of 390 by 844, and fingers.
    Phone,
}

/// A window, or the tab in front of it. Dropping it closes it and forgets all that was kept there.
pub struct Tab {
    socket: Arc<Socket>,
    context: String,
    target: String,
    session: String,
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
}

impl Drop for Tab {
    fn drop(&mut self) {
        let context = json!({ "browserContextId": self.context });
        drop(self.socket.give("", "Target.disposeBrowserContext", &context));
    }
}

impl Tab {
    pub(super) async fn open(socket: Arc<Socket>, context: &str, screen: Screen) -> Result<Tab> {
        let target = browser(
            &socket,
            "Target.createTarget",
            json!({ "url": "about:blank", "browserContextId": context, "width": 1280, "height": 900 }),
        )
        .await?;
        let target = target["targetId"].as_str().context("a target has an id")?.to_owned();
        let attach = json!({ "targetId": target, "flatten": true });
        let attached = browser(&socket, "Target.attachToTarget", attach).await?;
        let session = attached["sessionId"].as_str().context("a session has an id")?.to_owned();
        let events = Mutex::new(socket.events(&session));
        let tab = Tab { socket, context: context.to_owned(), target, session, events };
        tab.command("Page.enable", json!({})).await?;
        tab.command("Runtime.enable", json!({})).await?;
        if screen == Screen::Phone {
            let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
            tab.command("Emulation.setDeviceMetricsOverride", phone).await?;
            let touch = json!({ "enabled": true, "maxTouchPoints": 5 });
            tab.command("Emulation.setTouchEmulationEnabled", touch).await?;
        }
        Ok(tab)
    }

    /// A command, and its answer.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn command(&self, method: &str, parameters: Value) -> Result<Value> {
        answered(method, self.give(method, parameters)).await
    }

    /// A command whose answer may be awaited later, or never.
    pub fn give(&self, method: &str, parameters: Value) -> oneshot::Receiver<Value> {
        self.socket.give(&self.session, method, &parameters)
    }

    /// The events of this tab since the last call.
    pub fn events(&self) -> Vec<Value> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }

    /// What an expression of the page comes to; a promise is awaited.
    ///
    /// # Errors
    /// When it throws, or the page goes meanwhile.
    pub async fn evaluate(&self, expression: &str) -> Result<Value> {
        let question = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.command("Runtime.evaluate", question).await?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{} in {expression}", thrown["exception"]["description"].as_str().unwrap_or("an exception"));
        }
        Ok(answer["result"]["value"].take())
    }

    /// Asks the page until `expression` comes to something truthy, and gives that. While a page loads, nobody answers, and it is asked again.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn until(&self, what: &str, expression: &str) -> Result<Value> {
        eventually(what, PATIENCE, || async {
            let value = self.evaluate(expression).await?;
            let falsy = matches!(&value, Value::Null | Value::Bool(false)) || value == json!("") || value == json!(0);
            Ok((!falsy).then_some(value))
        })
        .await
    }

    /// Runs `script` in every page of this tab before the page's own scripts.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub async fn before_pages(&self, script: &str) -> Result<()> {
        self.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await.map(drop)
    }

    /// Lets every page of this tab call `name(text)`, which then is an event `Runtime.bindingCalled`.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub async fn bind(&self, name: &str) -> Result<()> {
        self.command("Runtime.addBinding", json!({ "name": name })).await.map(drop)
    }

    /// A cookie of the address `url`.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub async fn set_cookie(&self, url: &str, name: &str, value: &str) -> Result<()> {
        let cookies = json!({ "cookies": [{ "url": url, "name": name, "value": value }] });
        self.command("Network.setCookies", cookies).await.map(drop)
    }

    /// Begins to load an address, as if it had been typed in.
    ///
    /// # Errors
    /// When there is nothing to load.
    pub async fn goto(&self, url: &str) -> Result<()> {
        let loaded = self.command("Page.navigate", json!({ "url": url })).await?;
        match loaded["errorText"].as_str() {
            Some(error) => bail!("opening {url}: {error}"),
            None => Ok(()),
        }
    }

    /// Goes back one entry of the history, as the browser's button and gesture do.
    ///
    /// # Errors
    /// When there is nothing to go back to.
    pub async fn go_back(&self) -> Result<()> {
        let history = self.command("Page.getNavigationHistory", json!({})).await?;
        let current = history["currentIndex"].as_u64().context("a place in the history")?;
        let before = current.checked_sub(1).context("nothing to go back to")? as usize;
        let entry = json!({ "entryId": history["entries"][before]["id"] });
        self.command("Page.navigateToHistoryEntry", entry).await.map(drop)
    }

    /// Another tab of the same window comes to the front and hides this one.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub async fn cover(&self) -> Result<Cover> {
        let new = json!({ "url": "about:blank", "browserContextId": self.context });
        let target = browser(&self.socket, "Target.createTarget", new).await?;
        let other = target["targetId"].as_str().context("a target has an id")?.to_owned();
        self.until("the tab to be hidden", "document.hidden").await?;
        Ok(Cover(other))
    }

    /// That other tab is closed, and this one is in front again.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub async fn uncover(&self, cover: Cover) -> Result<()> {
        browser(&self.socket, "Target.activateTarget", json!({ "targetId": self.target })).await?;
        browser(&self.socket, "Target.closeTarget", json!({ "targetId": cover.0 })).await?;
        self.until("the tab to be visible", "!document.hidden").await.map(drop)
    }
}

/// A tab in front of another one.
pub struct Cover(String);

async fn browser(socket: &Socket, method: &str, parameters: Value) -> Result<Value> {
    answered(method, socket.give("", method, &parameters)).await
}
