//! What the shoppers send: the same visits as text, spliced together as cheaply as possible, since client and collector share the machine.

use serde::Deserialize;

use crate::Result;
use crate::client::Connection;

/// A session and what was sent of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit {
    number: u64,
    epoch: u32,
    /// Batches sent.
    pub(crate) batches: usize,
}

#[derive(Deserialize)]
struct Granted {
    consent_epoch: u32,
}

#[derive(Deserialize)]
struct Taken {
    accepted: usize,
}

impl Visit {
    /// Grants both purposes for a session that nobody has seen before.
    pub(crate) async fn begin(connection: &mut Connection, number: u64) -> Result<Visit> {
        let session = session(number);
        let record = format!(
            r#"{{"v":1,"site":"demo","session":"{session}","measure":"granted","personalize":"granted","source":"page_call"}}"#
        );
        let Granted { consent_epoch: epoch } =
            serde_json::from_slice(&connection.succeed("/v1/consents", record).await?)?;
        Ok(Visit { number, epoch, batches: 0 })
    }

    /// The next batch of the session.
    pub(crate) fn batch(&self, story: &Story) -> String {
        let (session, epoch, events) = (session(self.number), self.epoch, &story.batches[self.batches]);
        format!(
            r#"{{"v":1,"site":"demo","session":"{session}","consent_epoch":{epoch},"sent_at":1800000000000,"events":[{events}]}}"#
        )
    }

    /// Sends it, and makes sure that all of it is new to the collector and taken.
    pub(crate) async fn send(&mut self, connection: &mut Connection, story: &Story) -> Result<()> {
        let answer = connection.succeed("/v1/events", self.batch(story)).await?;
        let Taken { accepted } = serde_json::from_slice(&answer)?;
        if accepted != story.events_per_batch {
            return Err(format!("not all events were taken: {}", String::from_utf8_lossy(&answer)).into());
        }
        self.batches += 1;
        Ok(())
    }
}

/// Spread over the whole range, as random names are.
fn session(number: u64) -> String {
    let spread = |seed: u64| {
        let mixed = (number ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    format!("{:016x}{:016x}", spread(0), spread(0x5bd1_e995))
}

/// What each visit is made of: the events of its batches as JSON.
pub(crate) struct Story {
    batches: Vec<String>,
    pub(crate) events_per_batch: usize,
}

impl Story {
    pub(crate) fn new(batches: usize, events_per_batch: usize) -> Story {
        let batch = |number: usize| {
            let numbers = number * events_per_batch + 1..=(number + 1) * events_per_batch;
            numbers.map(event).collect::<Vec<_>>().join(",")
        };
        Story { batches: (0..batches).map(batch).collect(), events_per_batch }
    }

    /// Batches of a visit.
    pub(crate) fn len(&self) -> usize {
        self.batches.len()
    }

    /// Bytes of JSON per event on the wire, without the envelope of the batch.
    pub(crate) fn bytes_per_event(&self) -> f64 {
        let bytes: usize = self.batches.iter().map(String::len).sum();
        bytes as f64 / (self.len() * self.events_per_batch) as f64
    }
}

/// The five kinds of event that make up most of a visit, in turns, one every 1.2 seconds.
fn event(seq: usize) -> String {
    let product = 10_000 + seq % 50;
    let body = match seq % 5 {
        1 => format!(
            r#""type":"page_view","page":"product","navigation":"route","referrer":"internal","device":"mouse","item":{product}"#
        ),
        2 => format!(r#""type":"engagement","engaged_ms":900,"scroll_milli":{},"clicks":{}"#, 200 + seq % 700, seq % 3),
        3 => format!(
            r#""type":"hesitation","kind":"cta_hover","zone":"cta","page":"product","score_milli":{},"confidence_milli":700,"since_ms":2400,"reasons":[{{"feature":"cta_dwell_ms","value_milli":2100000,"weight_milli":640}},{{"feature":"cta_returns","value_milli":2000,"weight_milli":360}}]"#,
            600 + seq % 300
        ),
        4 => format!(
            r#""type":"intent","p_buy_milli":{},"p_leave_milli":180,"stage":"building","trend":"up""#,
            300 + seq % 200
        ),
        _ => format!(
            r#""type":"commerce","action":"add_to_cart","item":{product},"quantity":1,"value_minor":4990,"currency":"EUR""#
        ),
    };
    format!(r#"{{"seq":{seq},"t":{},{body}}}"#, seq * 1_200)
}
