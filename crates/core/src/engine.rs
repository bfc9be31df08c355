use serde::{Deserialize, Serialize};
use waver_schema::{Cart, DecisionFeatures, EventBody};

use crate::Signal;
use crate::hesitation::Hesitation;
use crate::intent::Intent;

/// What a shell has to carry out after a signal.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell the page, and think of an offer: a hesitation reached its threshold.
    Hesitation(Hesitation),
    /// Tell the page: the intent score moved to another stage.
    Intent(Intent),
    /// Pass this through the gate for [`crate::consent::Purpose::Measure`] and queue it.
    Record(EventBody),
}

/// One session as the browser knows it: folds signals, scores hesitation and intent, and says what is to be done.
#[derive(Debug, Clone, Default)]
pub struct Engine {}

/// What of an [`Engine`] crosses a page load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {}
impl Engine {
    /// An engine at the very start of a session: every counter at zero.
    pub fn new() -> Engine {
        Engine::default()
    }
    /// Goes on where another page left off.
    pub fn restore(_snapshot: Snapshot) -> Engine {
        Engine::default()
    }
    /// What the next page needs.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {}
    }
    /// Takes a signal in.
    pub fn observe(&mut self, _signal: &Signal) -> Vec<Effect> {
        Vec::new()
    }
    /// When [`crate::SignalKind::Tick`] should come if nothing else does, milliseconds of the session.
    pub fn wake_at(&self) -> Option<u64> {
        None
    }
    /// The intent score as it stands.
    pub fn intent(&self) -> Intent {
        Intent::default()
    }
    /// The hesitations as they stand, above zero.
    pub fn hesitations(&self) -> Vec<Hesitation> {
        Vec::new()
    }
    /// The scores that go with a request for a decision.
    pub fn decision_features(&self) -> DecisionFeatures {
        DecisionFeatures::default()
    }
    /// The cart as far as shop events tell.
    pub fn cart(&self) -> Cart {
        Cart::default()
    }
}
