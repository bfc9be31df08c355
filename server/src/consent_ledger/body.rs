//! What an entry says: the fields of a consent record by GDPR article 7(1), ISO/IEC TS 27560 and Kantara's receipt, and nothing else. No
//! address, no user agent, no session id, and instead of the pseudonym a commitment to it.

use serde::Serialize;
use waver_schema::limits::SESSION_MAX_MS;
use waver_schema::{ConsentChoice, ConsentSource, SiteKey};
use waver_store::{DataClass, Pseudonym, Record, RecordKind, SecretKey};

use crate::entry::{ConsentEvidence, Entry};

/// Version of the form.
const VERSION: u16 = 1;
const MINUTE_MS: u64 = 60 * 1000;
/// The legal basis, GDPR article 6(1)(a).
const BASIS: &str = "consent";
/// How the shopper withdraws, in one call.
const WITHDRAW_BY: &str = "waver('forget'), or POST /v1/erase";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Grant,
    Withdrawal,
    Erasure,
}

/// The pseudonym as whoever has the key can recognise it, and nobody else. Under two keys, of the day and of the day before, so that a
/// withdrawal is found by the grant of a session that went on over midnight; no session lasts over two.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Commitments {
    pub(super) who: Option<[u8; 16]>,
    pub(super) who_before: Option<[u8; 16]>,
}

/// What stands in a line of the ledger.
#[derive(Debug, Serialize)]
pub(super) struct Body {
    v: u16,
    kind: Kind,
    site: SiteKey,
    /// Null if the key was destroyed before the entry was written, as after a restore.
    who: Option<String>,
    who_before: Option<String>,
    measure: ConsentChoice,
    personalize: ConsentChoice,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<ConsentSource>,
    #[serde(flatten)]
    evidence: ConsentEvidence,
    /// By the collector's clock, Unix milliseconds of a whole minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    granted_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<u64>,
    /// A grant ends with its session, at the latest then.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<u64>,
    basis: &'static str,
    withdraw_by: &'static str,
}

/// Whether a record has a place in the ledger.
pub(super) fn belongs(record: &Record) -> bool {
    record.kind.class() == DataClass::Consent
}

/// The minute in which a record was received.
pub(super) fn minute(record: &Record) -> u64 {
    record.received_at / MINUTE_MS * MINUTE_MS
}

impl Body {
    /// The entry of a record that [`belongs`].
    ///
    /// # Errors
    /// When its payload is not one of its kind.
    pub(super) fn of(record: &Record, commitments: Commitments) -> Result<Body, serde_json::Error> {
        let at = minute(record);
        let hex = |bytes: [u8; 16]| Pseudonym::from_bytes(bytes).to_string();
        let mut body = Body {
            v: VERSION,
            kind: Kind::Erasure,
            site: record.site.clone(),
            who: commitments.who.map(hex),
            who_before: commitments.who_before.map(hex),
            measure: ConsentChoice::Denied,
            personalize: ConsentChoice::Denied,
            source: None,
            evidence: ConsentEvidence::default(),
            granted_at: None,
            withdrawn_at: Some(at),
            ends_at: None,
            basis: BASIS,
            withdraw_by: WITHDRAW_BY,
        };
        if record.kind == RecordKind::Consent
            && let Entry::Consent(consent) = Entry::from_record(record)?
        {
            let is_grant = consent.is_grant();
            body.kind = if is_grant { Kind::Grant } else { Kind::Withdrawal };
            (body.measure, body.personalize) = (consent.measure, consent.personalize);
            body.source = Some(consent.source);
            body.evidence = consent.evidence;
            if is_grant {
                (body.granted_at, body.withdrawn_at) = (Some(at), None);
                body.ends_at = Some(at + SESSION_MAX_MS);
            }
        }
        Ok(body)
    }
}

/// The commitment to a session under `key`.
pub(super) fn commit(key: &SecretKey, site: &SiteKey, pseudonym: Pseudonym) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    hasher.update(site.as_str().as_bytes()).update(&[0]).update(pseudonym.as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}
