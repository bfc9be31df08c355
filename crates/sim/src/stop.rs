use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

/// The word to stop, which many can wait for.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Comes once `this` has happened.
    pub fn when(this: impl Future<Output = ()> + Send + 'static) -> Stop {
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            this.await;
            sender.send_replace(true);
        });
        Stop(receiver)
    }

    /// Never comes.
    pub fn never() -> Stop {
        Stop(watch::channel(false).1)
    }

    /// Whether it has come.
    pub fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for it.
    pub async fn told(&mut self) {
        if self.0.wait_for(|told| *told).await.is_err() {
            // Nobody is left who could say it.
            std::future::pending().await
        }
    }

    /// Waits so long, or until it comes.
    pub async fn or_sleep(&mut self, duration: Duration) {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.told() => {}
        }
    }
}
