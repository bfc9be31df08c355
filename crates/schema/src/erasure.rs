use serde::{Deserialize, Serialize};

use crate::vocabulary::vocabulary;
use crate::{
    ErasureId, LedgerChain, LogChain, Nonce, PublicKey, SessionId, Signature, SigningKeyId, SiteKey, VisitorId,
};

/// The body of `POST /v1/erase`. Whoever holds the session id may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EraseRequest {
    /// [`crate::WIRE_VERSION`] of the sender.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1))]
    pub v: u16,
    /// The shop's site.
    pub site: SiteKey,
    /// The session to be forgotten.
    pub session: SessionId,
    /// Comes back in the receipt of the first request for this session; another one later changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// What the browser was across sessions, to be forgotten as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<VisitorId>,
}

/// The answer to an [`EraseRequest`], given once the erasure is done and would survive a crash; the same whether or not anything
/// was known of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EraseAnswer {
    /// The name of the receipt, at `GET /v1/erase/{erasure}`.
    pub erasure: ErasureId,
}

vocabulary! {
    /// What an erasure reached.
    ErasedClass {
        /// What the session added to aggregates that are still open.
        Aggregates => "aggregates",
        /// Events that were not of the schema.
        DeadLetters => "dead_letters",
        /// Decisions in the log.
        Decisions => "decisions",
        /// Batches of events in the log.
        Events => "events",
        /// What was known of the session at the moment.
        Session => "session",
    }
}

/// How many records of the log became unreadable, or went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasedRecords {
    /// Batches of events.
    pub batches: u32,
    /// Events that were not of the schema.
    pub dead_letters: u32,
    /// Decisions.
    pub decisions: u32,
}

/// A point of the collector's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogPoint {
    /// The checksum of everything before it.
    pub chain: LogChain,
    /// Its offset.
    pub offset: u64,
}

/// Where the log holds the erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogProof {
    /// The log with its record.
    pub after: LogPoint,
    /// The log without its record.
    pub before: LogPoint,
    /// Offset of its record.
    pub record: u64,
}

/// How far the consent ledger of a site went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LedgerPoint {
    /// Number of its last entry, and so how many there ever were; 0 for none.
    pub entries: u64,
    /// The hash of that entry and of everything before it.
    pub root: LedgerChain,
}

/// What was erased. Its fields stand in the order of their names, it holds whole numbers and plain texts alone, and is written without spaces:
/// as JSON it is in the canonical form of RFC 8785, and those bytes are what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// What the erasure reached; empty if nothing was known of the session.
    #[cfg_attr(feature = "openapi", schema(max_items = 5))]
    pub classes: Vec<ErasedClass>,
    /// When, Unix milliseconds of the collector's clock.
    pub erased_at: u64,
    /// Its name.
    pub erasure: ErasureId,
    /// The key that signed.
    pub key: SigningKeyId,
    /// Keys of sessions that were destroyed, after the record was in the log and before this was signed. What was sealed under them stays unreadable
    /// wherever a copy lies.
    pub keys_destroyed: u32,
    /// The consent ledger of the site as it was when this was signed: nothing up to there can be altered since without this showing it. The
    /// erasure's own entry comes after it. Receipts of before 2026-11-22 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerPoint>,
    /// Its place in the log.
    pub log: LogProof,
    /// That of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// What it reached in the log while the session was live.
    pub records: ErasedRecords,
    /// The shop's site.
    pub site: SiteKey,
    /// What this means for backups and for sums, for people.
    #[cfg_attr(feature = "openapi", schema(max_length = 1000))]
    pub statement: String,
    /// [`crate::WIRE_VERSION`] of the collector.
    pub v: u16,
    /// Whether something was remembered of the browser across sessions, and is not any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub visitor: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The answer of `GET /v1/erase/{erasure}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedReceipt {
    /// What was erased.
    pub receipt: Receipt,
    /// Over the bytes of `receipt`, after the text `waver erasure receipt v1` and a line break.
    pub signature: Signature,
}

/// The answer of `GET /v1/erase/key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptKey {
    /// Its name in receipts.
    pub key: SigningKeyId,
    /// The key, Ed25519.
    pub public_key: PublicKey,
}

/// The body of `POST /v1/me`. Whoever holds the session id may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MeRequest {
    /// [`crate::WIRE_VERSION`] of the sender.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1))]
    pub v: u16,
    /// The shop's site.
    pub site: SiteKey,
    /// The session.
    pub session: SessionId,
    /// The `next` of the answer before, to read on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// What the browser was across sessions, to see that as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<VisitorId>,
}
