use serde::{Deserialize, Serialize};

use crate::vocabulary::vocabulary;
use crate::{Locale, NoticeVersion, SessionId, SiteKey, SourceVersion, TextHash};

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
        /// IAB GPP, `__gpp`: its TCF section, and the opt-outs of its US sections.
        Gpp => "gpp",
        /// The US Privacy string, `__uspapi`. Can only veto.
        Usp => "usp",
        /// Google Consent Mode, read from `dataLayer`. Only vetoes, unless the shop said that it has nothing else.
        ConsentMode => "consent_mode",
        /// Shopify's customer privacy API.
        Shopify => "shopify",
        /// klaro.
        Klaro => "klaro",
        /// orejime.
        Orejime => "orejime",
        /// tarteaucitron.
        Tarteaucitron => "tarteaucitron",
        /// c15t.
        C15t => "c15t",
        /// Another tab of this browser, which told of a withdrawal. Can only veto.
        OtherTab => "other_tab",
    }
}

vocabulary! {
    /// How far a consent dialog was, as IAB TCF names it.
    EventStatus {
        /// A valid string is there and no dialog is shown.
        TcLoaded => "tcloaded",
        /// The dialog is open.
        CmpUiShown => "cmpuishown",
        /// The shopper has just chosen.
        UserActionComplete => "useractioncomplete",
    }
}

vocabulary! {
    /// How the choice was made.
    ConsentMethod {
        /// In a consent dialog.
        Cmp => "cmp",
        /// By the page's own call, `waver('consent', ...)`.
        Page => "page",
        /// By the script tag, for shops that gate the tag themselves.
        Tag => "tag",
    }
}

/// What one source said, as it was read when the choice was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConsentReading {
    /// Where it was read.
    pub source: ConsentSource,
    /// Version of the source: of its dialog, or of its policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SourceVersion>,
    /// How far its dialog was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_status: Option<EventStatus>,
    /// SHA-256 of the consent string. The string itself may be personal data (CJEU C-604/22) and never travels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string_hash: Option<TextHash>,
    /// What it says of measuring.
    pub measure: ConsentChoice,
    /// What it says of offers.
    pub personalize: ConsentChoice,
}

/// The notice that was shown, as the shop names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConsentNotice {
    /// Its version.
    pub version: NoticeVersion,
    /// SHA-256 of its text.
    pub hash: TextHash,
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
    /// What each source said, at most [`limits::READINGS_PER_CONSENT`](crate::limits::READINGS_PER_CONSENT).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 16))]
    pub readings: Vec<ConsentReading>,
    /// Did the browser send Global Privacy Control?
    #[serde(default, skip_serializing_if = "is_false")]
    pub gpc: bool,
    /// Did the browser ask not to be tracked?
    #[serde(default, skip_serializing_if = "is_false")]
    pub dnt: bool,
    /// The notice that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<ConsentNotice>,
    /// Its language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Locale>,
    /// How the choice was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<ConsentMethod>,
}

impl ConsentRecord {
    /// A record of a choice, without anything that would prove it.
    pub fn new(
        site: SiteKey,
        session: SessionId,
        [measure, personalize]: [ConsentChoice; 2],
        source: ConsentSource,
    ) -> ConsentRecord {
        ConsentRecord {
            v: crate::WIRE_VERSION,
            site,
            session,
            measure,
            personalize,
            source,
            readings: Vec::new(),
            gpc: false,
            dnt: false,
            notice: None,
            language: None,
            method: None,
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
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
    /// For how many days the browser may keep one [`VisitorId`](crate::VisitorId): only under a grant to personalise, and only where the site keeps
    /// caps across sessions. Without it a browser keeps none, and lets go of one that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 90))]
    pub visitor_days: Option<u16>,
}
