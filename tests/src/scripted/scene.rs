//! What a shopper does in one scene, and what the page is to be told of it.

use std::fmt;
use std::pin::Pin;

use anyhow::Result;
use waver_schema::{FrustrationKind, HesitationKind};

use super::hand::Hand;
use crate::devtools::Screen;

pub use super::scenes::all;

/// Something the page can be told of a shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A hesitation.
    Hesitation(HesitationKind),
    /// A frustration.
    Frustration(FrustrationKind),
}

impl Sign {
    /// All of the contract.
    pub fn all() -> impl Iterator<Item = Sign> {
        let hesitations = HesitationKind::ALL.iter().copied().map(Sign::Hesitation);
        hesitations.chain(FrustrationKind::ALL.iter().copied().map(Sign::Frustration))
    }

    /// What the page is told, read: the topic and the kind.
    pub fn read(topic: &str, kind: &str) -> Option<Sign> {
        match topic {
            "hesitation" => HesitationKind::from_name(kind).map(Sign::Hesitation),
            "frustration" => FrustrationKind::from_name(kind).map(Sign::Frustration),
            _ => None,
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sign::Hesitation(kind) => kind.as_str(),
            Sign::Frustration(kind) => kind.as_str(),
        })
    }
}

/// What a scene claims.
#[derive(Debug, Clone, Copy)]
pub enum Claim {
    /// The page is told of this. It may be told of others besides.
    Fires(Sign),
    /// It looks like these, and the page is told of none of them.
    Silent(&'static [Sign]),
    /// The page is told of nothing.
    Calm,
}

impl Claim {
    /// Whether being told of `sign` is wrong.
    pub fn forbids(&self, sign: Sign) -> bool {
        match self {
            Claim::Fires(_) => false,
            Claim::Silent(signs) => signs.contains(&sign),
            Claim::Calm => true,
        }
    }
}

/// What the shopper does, from the moment at which the module is at work on the first page.
pub type Act = for<'a> fn(&'a mut Hand) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// One scene.
#[derive(Clone, Copy)]
pub struct Scene {
    /// What it is called in reports.
    pub name: &'static str,
    /// The screens on which it can be played.
    pub screens: &'static [Screen],
    /// What the page is to be told.
    pub claim: Claim,
    /// Where it begins.
    pub page: &'static str,
    /// How many lines are in the cart before it begins, at most 3.
    pub cart: usize,
    /// What is done.
    pub act: Act,
}

/// Mouse and fingers.
pub(super) const BOTH: &[Screen] = &[Screen::Desktop, Screen::Phone];
/// Only what hovers.
pub(super) const MOUSE: &[Screen] = &[Screen::Desktop];
/// Only what does not.
pub(super) const FINGERS: &[Screen] = &[Screen::Phone];

/// An act out of a block that may fail.
macro_rules! act {
    ($hand:ident => $body:block) => {
        |$hand| {
            Box::pin(async move {
                $body
                Ok(())
            })
        }
    };
}
pub(super) use act;
