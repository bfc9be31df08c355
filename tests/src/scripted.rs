//! Scripted sessions in a real browser: seeded shoppers with a human hand, mouse or fingers, who waver or only look as if they did. What the page is
//! told by the real module, and stored by a real collector, is held against what each scene claims.

pub mod cost;
pub mod hand;
pub mod run;
pub mod scene;
mod scenes;
pub mod shopper;
