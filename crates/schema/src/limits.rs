//! Limits that browser and collector enforce alike. A number that stands here stands nowhere else.

/// Most events in one batch.
pub const EVENTS_PER_BATCH: usize = 64;
/// Most bytes of one batch's JSON, before compression. A `keepalive` request may carry 64 KiB per page in all, so four fit.
pub const BATCH_BYTES: usize = 16 * 1024;
/// Most reasons that explain one hesitation.
pub const REASONS_PER_HESITATION: usize = 3;
/// Most hesitation scores that accompany a request for a decision: one per kind.
pub const SCORES_PER_DECISION: usize = 12;
/// Most products of a cart that accompany a request for a decision.
pub const ITEMS_PER_DECISION: usize = 32;
/// Most readings of sources in one consent record.
pub const READINGS_PER_CONSENT: usize = 16;
/// Most characters of a site key, a slot name or an offer id.
pub const NAME_CHARS: usize = 32;
/// Largest integer that survives JSON in every browser (2^53 - 1); sequence numbers and item references stay below it.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
/// A session ends after this long without an event (30 minutes, as GA4 and PostHog do).
pub const SESSION_IDLE_MS: u64 = 30 * 60 * 1000;
/// A session never lasts longer than this (24 hours, the life of a pseudonym key).
pub const SESSION_MAX_MS: u64 = 24 * 60 * 60 * 1000;
