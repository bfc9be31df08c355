use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the collector cannot compute: the time and randomness. Handed in, so that tests need neither sleep nor luck.
#[derive(Clone)]
pub struct Host {
    now: Arc<dyn Fn() -> u64 + Send + Sync>,
    fill_random: Arc<FillRandom>,
}

type FillRandom = dyn Fn(&mut [u8]) + Send + Sync;

impl Host {
    /// The system's clock and randomness.
    pub fn system() -> Host {
        Host {
            now: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }),
            // Without randomness there are no sessions, decisions or secrets; better to stop than to guess.
            fill_random: Arc::new(|bytes| getrandom::fill(bytes).expect("the system has randomness")),
        }
    }

    /// The same with another clock, in Unix milliseconds.
    #[must_use]
    pub fn with_clock(self, now: impl Fn() -> u64 + Send + Sync + 'static) -> Host {
        Host { now: Arc::new(now), ..self }
    }

    /// Unix milliseconds. Says when something was received, never in what order.
    pub fn now(&self) -> u64 {
        (self.now)()
    }

    /// `N` random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill_random)(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host(..)")
    }
}
