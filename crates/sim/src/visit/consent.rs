use waver_core::consent::{Gate, Purpose};
use waver_schema::{ConsentAnswer, ConsentRecord};

use super::collector::{Answer, MOST_ATTEMPTS, Refused, ask, wait};
use super::outbox::Sender;
use super::session::World;
use super::shopper::Shopper;
use super::tally::Count;
use super::transport::{Route, Transport};
use crate::Stop;

/// Puts the grant on record. `None` if the collector could not be reached, or the shopper was told to stop.
pub(super) async fn put_on_record<T: Transport>(
    world: &World<T>,
    shopper: &mut Shopper,
    gate: &Gate,
    stop: &mut Stop,
) -> Result<Option<Sender>, Refused> {
    let session = shopper.session_id(world.run);
    let mut attempt = 0;
    while attempt < MOST_ATTEMPTS && !stop.is_told() {
        let mut sender = Sender { site: world.site.clone(), session, consent_epoch: 0 };
        let Some(record) = consent_record(gate, &sender) else { return Ok(None) };
        let answer = tokio::select! {
            answer = ask::<ConsentAnswer>(&world.transport, Route::Consents, record) => answer,
            () = stop.told() => return Ok(None),
        };
        match answer {
            Answer::Done(ConsentAnswer { consent_epoch, .. }) => {
                world.tally.add(Count::Sessions, 1);
                sender.consent_epoch = consent_epoch;
                return Ok(Some(sender));
            }
            Answer::Later(asked_s) => {
                attempt += 1;
                world.tally.add(Count::Retries, 1);
                stop.or_sleep(wait(attempt + 1, asked_s, &mut shopper.network)).await;
            }
            Answer::Refused(refused) => return Err(refused),
        }
    }
    world.tally.add(Count::SessionsLost, 1);
    Ok(None)
}

/// The consent as it stands, as it goes on record. It is not derived from behaviour, so it may go also when nothing else may.
pub(super) fn consent_record(gate: &Gate, sender: &Sender) -> Option<String> {
    let choices = [Purpose::Measure, Purpose::Personalize].map(|purpose| gate.choice(purpose));
    let record = ConsentRecord::new(sender.site.clone(), sender.session, choices, gate.deciding_source()?);
    serde_json::to_string(&record).ok()
}
