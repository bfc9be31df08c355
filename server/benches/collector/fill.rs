//! Many visits, as fast as the collector takes them.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Result;
use crate::client::drive;
use crate::visit::{Story, Visit};

/// Connections that fill the collector, fewer than its queue has places. The more requests wait together, the more of them share a flush.
const CONNECTIONS: u64 = 768;

/// Sends `sessions` whole visits whose names begin at number `first`, and says meanwhile how far it is.
pub(crate) async fn fill(to: SocketAddr, first: u64, sessions: u64, story: Arc<Story>) -> Result<Duration> {
    let begun = Instant::now();
    let done = Arc::new(AtomicU64::new(0));
    let shares =
        (0..CONNECTIONS.min(sessions)).map(|worker| (first + worker..first + sessions).step_by(CONNECTIONS as usize));
    let counted = Arc::clone(&done);
    let filling = drive(to, shares.collect(), move |mut connection, numbers| {
        let (story, done) = (Arc::clone(&story), Arc::clone(&counted));
        async move {
            for number in numbers {
                let mut visit = Visit::begin(&mut connection, number).await?;
                while visit.batches < story.len() {
                    visit.send(&mut connection, &story).await?;
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }
    });
    tokio::pin!(filling);
    let shown = std::io::stderr().is_terminal();
    loop {
        tokio::select! {
            filled = &mut filling => {
                filled?;
                return Ok(begun.elapsed());
            }
            () = tokio::time::sleep(Duration::from_secs(1)), if shown => {
                eprint!("\r  {} of {sessions} visits ", done.load(Ordering::Relaxed));
                std::io::stderr().flush()?;
            }
        }
    }
}
