//! The conformance of consent: real consent tools from npm on pages of their own, a real browser, the real collector behind a sinkhole that
//! keeps every byte, and one function for each row of the table.
//!
//! A [`stage`] is a browser with everything around it; a [`tool`] is a consent tool and how its user handles it; the [`rows`] ask one thing
//! each of a tool on a stage; the [`table`] is what is told of it. `cargo xtask consent` runs all of it, `cargo xtask test` a part.

pub mod module;
pub mod packages;
pub mod peers;
pub mod rows;
pub mod run;
pub mod sinkhole;
pub mod site;
pub mod stage;
pub mod table;
pub mod tool;
