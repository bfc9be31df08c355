use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The largest message taken: a part of a trace.
const LARGEST: usize = 256 << 20;

/// The protocol's one socket. Commands go out in the order in which they are given; answers and events come in as they like.
pub(super) struct Socket {
    outgoing: mpsc::UnboundedSender<Message>,
    waiting: Mutex<Waiting>,
    last: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    answers: HashMap<u64, oneshot::Sender<Value>>,
    /// Who hears of the events of a session; "" is the browser itself.
    listeners: HashMap<String, mpsc::UnboundedSender<Value>>,
    closed: bool,
}

impl Socket {
    /// Connects, and reads until the browser ends.
    pub(super) async fn connect(url: &str) -> Result<std::sync::Arc<Socket>> {
        let mut config = tokio_tungstenite::tungstenite::protocol::WebSocketConfig::default();
        config.max_message_size = Some(LARGEST);
        config.max_frame_size = Some(LARGEST);
        let (stream, _) = tokio_tungstenite::connect_async_with_config(url, Some(config), true)
            .await
            .with_context(|| format!("connecting to {url}"))?;
        let (mut sink, stream) = stream.split();
        let (outgoing, mut commands) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(command) = commands.recv().await {
                if sink.send(command).await.is_err() {
                    return;
                }
            }
        });
        let socket = std::sync::Arc::new(Socket { outgoing, waiting: Mutex::default(), last: AtomicU64::new(0) });
        tokio::spawn(read(stream, std::sync::Arc::downgrade(&socket)));
        Ok(socket)
    }

    /// The events of a session from now on; "" stands for the browser itself.
    pub(super) fn events(&self, session: &str) -> mpsc::UnboundedReceiver<Value> {
        let (sender, events) = mpsc::unbounded_channel();
        self.waiting().listeners.insert(session.to_owned(), sender);
        events
    }

    /// Gives a command, and what waits for its answer. Whoever does not want the answer drops it.
    pub(super) fn give(&self, session: &str, method: &str, parameters: &Value) -> oneshot::Receiver<Value> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if !session.is_empty() {
            command["sessionId"] = json!(session);
        }
        let mut waiting = self.waiting();
        // Under the lock, so that a socket that closes now either takes the sender with it or is seen here.
        if !waiting.closed && self.outgoing.send(Message::text(command.to_string())).is_ok() {
            waiting.answers.insert(id, sender);
        }
        answer
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, mut message: Value) {
        let mut waiting = self.waiting();
        if let Some(id) = message["id"].as_u64() {
            if let Some(sender) = waiting.answers.remove(&id) {
                let _ = sender.send(message);
            }
            return;
        }
        let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
        if waiting.listeners.get(&session).is_some_and(|listener| listener.send(message.take()).is_err()) {
            waiting.listeners.remove(&session);
        }
    }
}

/// The answer to a command.
pub(super) async fn answered(method: &str, answer: oneshot::Receiver<Value>) -> Result<Value> {
    let mut answer = answer.await.with_context(|| format!("the browser ended before it answered {method}"))?;
    if let Some(error) = answer["error"]["message"].as_str() {
        bail!("{method}: {error}");
    }
    Ok(answer["result"].take())
}

async fn read(mut stream: SplitStream<Stream>, socket: std::sync::Weak<Socket>) {
    while let Some(Ok(message)) = stream.next().await {
        let Some(socket) = socket.upgrade() else { return };
        if let Message::Text(text) = message
            && let Ok(message) = serde_json::from_str(&text)
        {
            socket.take(message);
        }
    }
    if let Some(socket) = socket.upgrade() {
        let mut waiting = socket.waiting();
        waiting.closed = true;
        // Whoever waits learns that there will be no answer.
        waiting.answers.clear();
        waiting.listeners.clear();
    }
}
