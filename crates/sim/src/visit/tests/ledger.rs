use std::collections::{HashMap, HashSet};

use serde_json::json;
use waver_schema::{
    Batch, BatchAnswer, ConsentAnswer, ConsentChoice, ConsentRecord, DecisionRequest, Event, SessionId, limits,
};

use crate::visit::{Reply, Route};

/// What a collector does with what it is sent, as far as shoppers notice. It panics at whatever a real one would refuse.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    consents: HashMap<SessionId, ConsentAnswer>,
    seen: HashSet<(SessionId, u64)>,
    pub(super) events: Vec<(SessionId, Event)>,
    pub(super) decisions: Vec<DecisionRequest>,
    pub(super) duplicates: u64,
}

impl Ledger {
    pub(super) fn answer(&mut self, route: Route, body: &str) -> Reply {
        match route {
            Route::Consents => self.consent(body),
            Route::Events => self.batch(body),
            Route::Decisions => self.decide(body),
        }
    }

    fn consent(&mut self, body: &str) -> Reply {
        let record: ConsentRecord = serde_json::from_str(body).expect("a consent record");
        let before = self.consents.get(&record.session).map_or(1_790_000_000, |answer| answer.consent_epoch);
        let ConsentRecord { measure, personalize, .. } = record;
        let answer = ConsentAnswer { consent_epoch: before + 1, measure, personalize, visitor_days: None };
        self.consents.insert(record.session, answer);
        reply(200, &answer)
    }

    fn batch(&mut self, body: &str) -> Reply {
        assert!(body.len() <= limits::BATCH_BYTES, "{} bytes", body.len());
        let batch: Batch = serde_json::from_str(body).expect("a batch");
        assert!((1..=limits::EVENTS_PER_BATCH).contains(&batch.events.len()), "{} events", batch.events.len());
        let consent = self.consents.get(&batch.session).expect("a consent before");
        assert_eq!((consent.consent_epoch, consent.measure), (batch.consent_epoch, ConsentChoice::Granted));
        let mut answer = BatchAnswer::default();
        for event in batch.events {
            if self.seen.insert((batch.session, event.seq)) {
                answer.accepted += 1;
                self.events.push((batch.session, event));
            } else {
                answer.duplicate += 1;
                self.duplicates += 1;
            }
        }
        reply(202, &answer)
    }

    /// Everybody is offered ten percent.
    fn decide(&mut self, body: &str) -> Reply {
        let request: DecisionRequest = serde_json::from_str(body).expect("a request");
        let consent = self.consents.get(&request.session).expect("a consent before");
        assert_eq!((consent.consent_epoch, consent.personalize), (request.consent_epoch, ConsentChoice::Granted));
        self.decisions.push(request.clone());
        offer(self.decisions.len(), request.slot.as_str())
    }
}

/// The decision number `number`, which offers ten percent.
pub(super) fn offer(number: usize, slot: &str) -> Reply {
    let decision = json!({
        "decision": format!("{number:032x}"), "slot": slot, "reason": "targeting_match", "arm": "offer",
        "offer": {"id": "ten", "kind": "percent", "value": 10, "text": "", "disclosure": "", "accept": "", "dismiss": "",
                  "expires_at": 0},
        "propensity": 0.9, "holdout": false, "policy": "", "model": "", "explain": []
    });
    reply(200, &decision)
}

pub(super) fn reply(status: u16, body: &impl serde::Serialize) -> Reply {
    Reply { status, retry_after_s: None, body: serde_json::to_vec(body).expect("serialises") }
}
