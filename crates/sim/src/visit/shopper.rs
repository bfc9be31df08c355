use waver_core::consent::Reading;
use waver_schema::{ConsentChoice, SessionId};

use crate::shopper::{Dice, Persona, Plan, Recorded, Script, Stream};

/// Where there are recorded sessions, the share of shoppers who follow one.
const FOLLOWERS: f64 = 0.3;

/// What a shopper answers to the consent banner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Everything.
    GrantAll,
    /// To be measured, but no offers.
    GrantMeasure,
    /// Nothing. Nothing may leave this shopper's browser.
    Refuse,
    /// Everything, and takes it back after so many milliseconds of the session.
    Withdraw(u64),
}

/// How often each choice is made, of a hundred. Refusals are rarer than where refusing is as easy as granting (about half), so that
/// the demo has something to show.
const CHOICES: [f64; 4] = [72.0, 6.0, 18.0, 4.0];

impl Choice {
    /// One at random.
    pub fn draw(dice: &mut Dice) -> Choice {
        match dice.weighted(&CHOICES) {
            0 => Choice::GrantAll,
            1 => Choice::GrantMeasure,
            2 => Choice::Refuse,
            _ => Choice::Withdraw(dice.whole(5_000, 60_000)),
        }
    }

    /// As the consent platform reads it at first.
    pub(super) fn reading(self) -> Reading {
        match self {
            Choice::GrantAll | Choice::Withdraw(_) => Reading::all(ConsentChoice::Granted),
            Choice::GrantMeasure => Reading::new(ConsentChoice::Granted, ConsentChoice::Denied),
            Choice::Refuse => Reading::all(ConsentChoice::Denied),
        }
    }
}

/// Somebody who comes to the shop.
#[derive(Debug)]
pub struct Shopper {
    /// What it does.
    pub script: Script,
    /// What it answers to the consent banner.
    pub choice: Choice,
    pub(super) identity: Dice,
    pub(super) network: Dice,
}

impl Shopper {
    /// The shopper number `index` of the crowd `seed`. Where there are recorded sessions, some follow one of them.
    pub fn new(seed: u64, index: u64, recorded: &[Recorded]) -> Shopper {
        let mut dice = Dice::new(seed, index, Stream::Person);
        let persona = Persona::draw(&mut dice);
        let choice = Choice::draw(&mut dice);
        let follows = dice.chance(FOLLOWERS);
        let plan = match recorded {
            [_, ..] if follows => Plan::Follow(recorded[dice.index(recorded.len())].clone()),
            _ => Plan::Own,
        };
        Shopper::of(seed, index, Script::new(seed, index, persona, plan), choice)
    }

    /// A shopper with this script and choice; the rest is that of the shopper number `index` of the crowd `seed`.
    pub fn of(seed: u64, index: u64, script: Script, choice: Choice) -> Shopper {
        let identity = Dice::new(seed, index, Stream::Identity);
        Shopper { script, choice, identity, network: Dice::new(seed, index, Stream::Network) }
    }

    /// The name of its session in the run `run`: 128 bits that look random, others in each run.
    pub(super) fn session_id(&self, run: u64) -> SessionId {
        let bits = u128::from_be_bytes(self.identity.clone().bits());
        SessionId::from_bytes((bits ^ u128::from(run)).to_be_bytes())
    }
}
