use serde::{Deserialize, Serialize};

use crate::{Event, SessionId, SiteKey};

/// The body of `POST /v1/events`. At most [`crate::limits::EVENTS_PER_BATCH`] events and [`crate::limits::BATCH_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Batch {
    /// [`crate::WIRE_VERSION`] of the sender.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1))]
    pub v: u16,
    /// The shop's site.
    pub site: SiteKey,
    /// The session, named by the browser.
    pub session: SessionId,
    /// The grant under which these events were seen, from [`crate::ConsentAnswer`].
    pub consent_epoch: u32,
    /// The sender's clock in Unix milliseconds. Never trusted for order; it serves to report skew.
    pub sent_at: u64,
    /// The events, in order of `seq`.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub events: Vec<Event>,
}

/// The answer to a [`Batch`], given only once what it accepts would survive a crash. Its counts add up to the batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchAnswer {
    /// Events stored now.
    pub accepted: u32,
    /// Events stored before.
    pub duplicate: u32,
    /// Events discarded, each with its reason.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub rejected: Vec<Rejected>,
}

/// One event that was discarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rejected {
    /// Its index in the batch, from 0.
    pub index: u32,
    /// Why, out of a closed set.
    #[cfg_attr(feature = "openapi", schema(max_length = 32))]
    pub code: String,
}
