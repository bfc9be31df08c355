//! The collector as its callers meet it: over HTTP, in this process or in one of its own that can be killed.

mod backtest;
mod backup;
mod books;
mod consent_ledger;
mod dead_letters;
mod document;
mod erasure;
mod erasure_disk;
mod erasure_timing;
mod harness;
mod ingest;
mod keys;
#[cfg(target_os = "linux")]
mod memory;
mod models;
mod offers;
mod offers_report;
mod ofrep;
mod operators;
mod origins;
mod privacy;
mod process;
mod rates;
mod refusals;
mod release;
mod shop;
mod visitors;
