//! Shoppers against a small collector: in memory under a clock that only tests move, and over real HTTP.

mod ledger;
mod memory;
mod over_http;
mod trouble;
mod wire;

use std::sync::Arc;

use waver_schema::SiteKey;

use super::*;
use crate::Stop;
use crate::shopper::{Persona, Plan, Script};
use memory::Memory;

fn site() -> SiteKey {
    SiteKey::parse("demo").expect("a site key")
}

fn shopper(seed: u64, persona: Persona, choice: Choice) -> Shopper {
    Shopper::of(seed, 0, Script::new(seed, 0, persona, Plan::Own), choice)
}

/// Lets one shopper visit and returns what was counted.
async fn visited(memory: &Memory, shopper: Shopper) -> Tally {
    visited_at(memory, shopper, 1.0, Stop::never()).await.expect("not refused")
}

async fn visited_at(memory: &Memory, shopper: Shopper, speed: f64, stop: Stop) -> Result<Tally, Refused> {
    let tally = Arc::new(Tally::default());
    let world = World::new(memory.clone(), site(), tally.clone(), speed, 0);
    let outcome = visit(&world, shopper, stop).await;
    drop(world);
    outcome.map(|()| Arc::into_inner(tally).expect("nobody else has it"))
}
