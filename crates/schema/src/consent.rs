use serde::{Deserialize, Serialize};

use crate::vocabulary::vocabulary;
use crate::{SessionId, SiteKey};

vocabulary! {
    /// What is known of one purpose.
    ConsentChoice {
        /// No answer yet. Nothing may be sent.
        Unknown => "unknown",
        /// Refused or withdrawn.
        Denied => "denied",
        /// Given by an affirmative act.
        Granted => "granted",
    }
}

vocabulary! {
    /// Where a choice was read.
    ConsentSource {
        /// `data-consent` on the script tag.
        Tag => "tag",
        /// `waver('consent', ...)` by page code.
        PageCall => "page_call",
        /// Global Privacy Control. Can only veto.
        Gpc => "gpc",
        /// Do Not Track. Can only veto.
        Dnt => "dnt",
        /// IAB TCF, `__tcfapi`.
        Tcf => "tcf",
        /// vanilla-cookieconsent.
        CookieConsent => "cookieconsent",
    }
}

/// The body of `POST /v1/consents`: a grant, or its withdrawal (no purpose granted any more).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConsentRecord {
    /// [`crate::WIRE_VERSION`] of the sender.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1))]
    pub v: u16,
    /// The shop's site.
    pub site: SiteKey,
    /// The session, made after the grant.
    pub session: SessionId,
    /// May behaviour be measured?
    pub measure: ConsentChoice,
    /// May offers be chosen and shown?
    pub personalize: ConsentChoice,
    /// The source of the choice that decided.
    pub source: ConsentSource,
}

/// The answer to a [`ConsentRecord`], given once the record would survive a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConsentAnswer {
    /// The number that every later batch and decision request of this session must carry. It grows with each record.
    pub consent_epoch: u32,
    /// The choice now on record.
    pub measure: ConsentChoice,
    /// The choice now on record.
    pub personalize: ConsentChoice,
}
