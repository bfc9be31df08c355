use tokio::sync::watch;

/// Hears that it is time to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// Tells every [`Stop`]. Dropping it tells them too.
#[derive(Debug)]
pub(crate) struct StopSender(watch::Sender<bool>);

impl Stop {
    pub(crate) fn channel() -> (StopSender, Stop) {
        let (sender, receiver) = watch::channel(false);
        (StopSender(sender), Stop(receiver))
    }

    /// Waits until it is time to end.
    pub(crate) async fn told(&mut self) {
        // An error means that the sender is gone, which tells the same.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl StopSender {
    pub(crate) fn tell(&self) {
        self.0.send_replace(true);
    }
}
