use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

/// Most steps that share a flush, and that may wait for one.
const GROUP: usize = 256;

/// Something on disk that is changed in steps.
pub(crate) trait Durable: Send + 'static {
    /// Why a step, or the disk, failed.
    type Error: Clone + Send;

    /// Makes all steps before it durable. Blocks until they are.
    fn sync(&mut self) -> Result<(), Self::Error>;

    /// What is said once it failed.
    fn broken() -> Self::Error;
}

/// Runs the steps of many callers one after the other on a thread that may wait for the disk, and answers those that came together
/// after one flush for all of them.
///
/// Once a flush failed nobody knows what reached the disk, and a later flush that succeeds does not tell: everything is refused.
#[derive(Debug)]
pub(crate) struct GroupCommit<D: Durable> {
    /// `None` only while it is dropped.
    steps: Option<mpsc::Sender<Step<D>>>,
    thread: Option<JoinHandle<()>>,
}

type Step<D> = Box<dyn FnOnce(&mut D) -> Answer<<D as Durable>::Error> + Send>;
type Answer<E> = Box<dyn FnOnce(Result<(), E>) + Send>;

impl<D: Durable> GroupCommit<D> {
    pub(crate) fn start(durable: D, name: &str) -> std::io::Result<GroupCommit<D>> {
        let (steps, waiting) = mpsc::channel(GROUP);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || commit(durable, waiting))?;
        Ok(GroupCommit { steps: Some(steps), thread: Some(thread) })
    }

    /// Runs `step`, and answers when its effect and those of all steps before it are durable. A step that was handed over is run even
    /// if nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut D) -> Result<T, D::Error> + Send + 'static,
    ) -> Result<T, D::Error> {
        let (tell, told) = oneshot::channel();
        let step = Box::new(move |durable: &mut D| {
            let done = step(durable);
            let answer: Answer<D::Error> = Box::new(move |synced| drop(tell.send(synced.and(done))));
            answer
        });
        let steps = self.steps.as_ref().ok_or_else(D::broken)?;
        steps.send(step).await.map_err(|_| D::broken())?;
        told.await.map_err(|_| D::broken())?
    }
}

/// Ends with the last caller, with the first failure, or with a panic; whoever waits then is told that it is broken.
fn commit<D: Durable>(mut durable: D, mut waiting: mpsc::Receiver<Step<D>>) {
    let mut group = Vec::new();
    while waiting.blocking_recv_many(&mut group, GROUP) > 0 {
        let answers: Vec<Answer<D::Error>> = group.drain(..).map(|step| step(&mut durable)).collect();
        let synced = durable.sync();
        let failed = synced.is_err();
        answers.into_iter().for_each(|answer| answer(synced.clone()));
        if failed {
            return;
        }
    }
}

impl<D: Durable> Drop for GroupCommit<D> {
    /// Waits until everything handed over is done and the files are closed, so that they can be opened again.
    fn drop(&mut self) {
        self.steps = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    /// Counts its syncs; each waits for its turn and ends as it is told.
    struct Disk {
        steps: Vec<u8>,
        begun: mpsc::Sender<Vec<u8>>,
        ends: mpsc::Receiver<Result<(), &'static str>>,
    }

    impl Durable for Disk {
        type Error = &'static str;

        fn sync(&mut self) -> Result<(), &'static str> {
            self.begun.send(std::mem::take(&mut self.steps)).expect("heard");
            self.ends.recv().expect("told")
        }

        fn broken() -> &'static str {
            "broken"
        }
    }

    #[tokio::test]
    async fn those_that_wait_together_share_a_sync_and_its_failure() {
        let (begun, begins) = mpsc::channel();
        let (end, ends) = mpsc::channel();
        let disk = GroupCommit::start(Disk { steps: Vec::new(), begun, ends }, "disk").expect("starts");
        let step = |number: u8| {
            disk.run(move |disk| {
                disk.steps.push(number);
                if number == 3 { Err("refused") } else { Ok(number) }
            })
        };
        let mut first = Box::pin(step(0));
        poll_once(&mut first).await;
        assert_eq!(begins.recv(), Ok(vec![0]));
        // The disk is busy; these come meanwhile.
        let mut others: Vec<_> = (1..4).map(|number| Box::pin(step(number))).collect();
        for other in &mut others {
            poll_once(other).await;
        }
        end.send(Ok(())).expect("heard");
        assert_eq!(first.await, Ok(0));
        assert_eq!(begins.recv(), Ok(vec![1, 2, 3]), "one sync for all");
        end.send(Ok(())).expect("heard");
        for (number, other) in (1..4).zip(others) {
            assert_eq!(other.await, if number == 3 { Err("refused") } else { Ok(number) });
        }
        // What the disk refuses nobody is told as done, and then nothing goes any more.
        end.send(Err("full")).expect("heard");
        assert_eq!(step(4).await, Err("full"));
        assert_eq!(step(5).await, Err("broken"));
    }

    async fn poll_once(future: &mut (impl Future<Output = Result<u8, &'static str>> + Unpin)) {
        let first = std::future::poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))).await;
        assert!(first.is_pending());
    }
}
