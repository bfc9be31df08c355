//! The collector. An event's path through it, forward only:
//!
//! 1. `http` takes `POST /v1/events`: objections of the browser (GPC, DNT), size, JSON, schema, site and origin are checked, each
//!    with its own answer, and the session's id becomes a pseudonym. Nothing behind this line knows the id.
//! 2. `committer` takes what waits as one group. For each command `pipeline` admits by consent and folds the session
//!    (`waver_core::session`): dedupe, sessionize, and what it adds to the aggregates. It works on copies.
//! 3. One append to the log (`waver_store`), durable before it returns. Only then the copies become the `state`, the aggregates
//!    grow, and every waiter is answered. If the append fails, nothing has happened, and the collector says 503 until it is started
//!    again.
//! 4. `GET /v1/aggregates`, `/v1/sessions` and `/v1/stream` read the state.
//!
//! A request for a decision goes the same way; `waver_policy` says which offers are eligible, `waver_core::decision` decides.
//!
//! The state is a function of the log: the start replays the log through the same pipeline. What is never stored: addresses, user
//! agents, bodies as they came, and the session's own id.

mod artifact;
mod backtest;
mod backup;
mod cli;
mod collector;
mod committer;
pub mod config;
mod consent_ledger;
mod dead_letter;
#[doc(hidden)]
pub mod decoders;
mod entry;
mod erasures;
mod host;
mod http;
mod intent_model;
mod keeper;
mod keyring;
mod learning;
mod metrics;
mod outcome;
mod pipeline;
mod policy_archive;
mod processing;
mod rate;
mod readiness;
mod receipt;
mod records;
mod release;
mod replay;
mod running;
mod schemas;
mod serve;
mod shadow;
mod shop;
mod site;
mod state;
mod stop;
mod training;
mod tripwire;
mod unknown_fields;

pub use artifact::ArtifactError;
pub use cli::{Exit, main};
pub use collector::{Collector, StartError};
pub use config::{Config, ConfigError};
pub use host::Host;
pub use site::OffersError;
