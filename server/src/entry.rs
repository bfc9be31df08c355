//! What a log record means: the typed payload in its envelope. Only what the wire types know is written, never a body as it came, and
//! never the browser's own session id.

use serde::{Deserialize, Serialize};
use waver_core::decision::Circumstances;
use waver_core::experiment::Measure;
use waver_core::session::{Client, DecisionRecord};
use waver_schema::{
    Cart, ConsentChoice, ConsentMethod, ConsentNotice, ConsentReading, ConsentRecord, ConsentSource, DecisionFeatures,
    DecisionRequest, ErasedClass, ErasedRecords, ErasureId, Event, GrantId, Locale, LogPoint, Nonce, OfferId, PageType,
    PolicyVersion, SiteKey,
};
use waver_store::{DecodeError, Pseudonym, Record, RecordKind};

use crate::dead_letter::{DeadLetter, LetterId};
use crate::keyring::{Keyring, Opened, Readable};
use crate::shop::grant::GrantEntry;
use crate::shop::item::CatalogEntry;
use crate::shop::order::{OrderEntry, PurchaseEntry};

/// A grant or withdrawal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConsentEntry {
    /// May behaviour be measured?
    pub(crate) measure: ConsentChoice,
    /// May offers be chosen and shown?
    pub(crate) personalize: ConsentChoice,
    /// The source of the choice that decided.
    pub(crate) source: ConsentSource,
    /// Who or what sent it. Counts where it begins a session.
    #[serde(default)]
    pub(crate) client: Client,
    /// What shows that the choice was made.
    #[serde(flatten)]
    pub(crate) evidence: ConsentEvidence,
}

/// What shows that a choice was made, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConsentEvidence {
    /// What each source said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) readings: Vec<ConsentReading>,
    /// Did the browser send Global Privacy Control?
    #[serde(default)]
    pub(crate) gpc: bool,
    /// Did the browser ask not to be tracked?
    #[serde(default)]
    pub(crate) dnt: bool,
    /// The notice that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notice: Option<ConsentNotice>,
    /// Its language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<Locale>,
    /// How the choice was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<ConsentMethod>,
}

impl ConsentEntry {
    pub(crate) fn new(record: ConsentRecord, client: Client) -> ConsentEntry {
        let ConsentRecord { measure, personalize, source, readings, gpc, dnt, notice, language, method, .. } = record;
        let evidence = ConsentEvidence { readings, gpc, dnt, notice, language, method };
        ConsentEntry { measure, personalize, source, client, evidence }
    }

    /// Whether it grants anything.
    pub(crate) fn is_grant(&self) -> bool {
        [self.measure, self.personalize].contains(&ConsentChoice::Granted)
    }
}

/// A batch that changed its session, whole: with its duplicates and discards, so that folding it again gives the same outcomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BatchEntry {
    /// The grant under which the events were seen.
    pub(crate) consent_epoch: u32,
    /// The events that could be read, in the order of the batch.
    pub(crate) events: Vec<Event>,
    /// How many could not.
    #[serde(default)]
    pub(crate) unreadable: u32,
    /// The dead letter that an operator had read again as this batch; it is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redriven: Option<LetterId>,
}

/// What is kept of the events of one batch that are not of the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeadLetterEntry {
    /// At most [`LETTERS_PER_BATCH`](crate::dead_letter::LETTERS_PER_BATCH).
    pub(crate) letters: Vec<DeadLetter>,
}

/// A decision with everything it followed from beside the session and the policy, so that it can be taken again and compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DecisionEntry {
    /// What was decided.
    #[serde(flatten)]
    pub(crate) record: DecisionRecord,
    /// Version of the policy.
    pub(crate) policy: String,
    /// Probability, 0..=1, with which the arm was chosen.
    pub(crate) propensity: f64,
    /// Kind of page.
    pub(crate) page: PageType,
    /// The scores as the browser had them.
    pub(crate) features: DecisionFeatures,
    /// The cart as the browser had it.
    pub(crate) cart: Cart,
    /// Language of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locale: Option<Locale>,
    /// What was so outside of the session: what the browser had been offered across its sessions, catalogue, budgets, what was learned. Not who
    /// it is.
    #[serde(flatten)]
    pub(crate) around: Circumstances,
    /// The grant that came with the offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant: Option<GrantId>,
}

/// An offer that was made to a browser which is remembered across sessions. Holds nothing of the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VisitEntry {
    /// The offer.
    pub(crate) offer: OfferId,
    /// When the browser's pseudonym ends, Unix milliseconds.
    pub(crate) until: u64,
}

/// An offer that is stopped, for as long as the policy is of the version under which it was found to do harm. Holds nothing of any session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StopEntry {
    /// The offer.
    pub(crate) offer: OfferId,
    /// The version of the policy.
    pub(crate) policy: PolicyVersion,
    /// What it harms.
    pub(crate) measure: Measure,
    /// Upper end of the interval of what it changes for a session; below zero.
    pub(crate) high: f64,
}

impl DecisionEntry {
    pub(crate) fn new(
        record: DecisionRecord,
        request: &DecisionRequest,
        policy: &str,
        propensity: f64,
        around: Circumstances,
    ) -> DecisionEntry {
        DecisionEntry {
            record,
            policy: policy.to_owned(),
            propensity,
            page: request.page,
            features: request.features.clone(),
            cart: request.cart,
            locale: request.locale.clone(),
            around,
            grant: None,
        }
    }
}

/// The erasure of a session, under one of the pseudonyms that it could have. Holds nothing of what was erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ErasureEntry {
    /// Its name.
    pub(crate) erasure: ErasureId,
    /// What the receipt says of it; with the first of the pseudonyms only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) told: Option<ErasureTold>,
}

/// What a receipt says beside the time and its place in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ErasureTold {
    /// What it reached.
    pub(crate) classes: Vec<ErasedClass>,
    /// Keys that there were.
    #[serde(default)]
    pub(crate) keys: u32,
    /// Whether it reached something of the browser across sessions.
    #[serde(default)]
    pub(crate) visitor: bool,
    /// What it reached in the log.
    pub(crate) records: ErasedRecords,
    /// That of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<Nonce>,
    /// The log before this record.
    pub(crate) before: LogPoint,
}

/// What is found in a record of the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// What it holds.
    Entry(Entry),
    /// Its key is gone. This is left of it.
    Erased(Readable),
}

impl Found {
    /// What is in `record`.
    ///
    /// # Errors
    /// [`DecodeError::Damaged`] if it is not what was sealed, or holds no payload of its kind.
    pub(crate) fn read(record: Record, keyring: &Keyring) -> Result<Found, DecodeError> {
        match keyring.open_record(record)? {
            Opened::Record(record) => Entry::from_record(&record).map(Found::Entry).map_err(|_| DecodeError::Damaged),
            Opened::Erased(readable) => Ok(Found::Erased(readable)),
        }
    }
}

/// A payload of any kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    Consent(ConsentEntry),
    Batch(BatchEntry),
    /// In a box, since it is three times as long as the others.
    Decision(Box<DecisionEntry>),
    DeadLetter(DeadLetterEntry),
    Erasure(ErasureEntry),
    Visit(VisitEntry),
    Stop(StopEntry),
    Grant(GrantEntry),
    Order(OrderEntry),
    Catalog(CatalogEntry),
    Purchase(PurchaseEntry),
}

impl Entry {
    /// The record that holds this entry, not sealed yet.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which types without maps of foreign keys always can.
    pub(crate) fn to_record(
        &self,
        site: SiteKey,
        pseudonym: Pseudonym,
        received_at: u64,
    ) -> Result<Record, serde_json::Error> {
        let (kind, payload) = match self {
            Entry::Consent(consent) => (RecordKind::Consent, serde_json::to_vec(consent)?),
            Entry::Batch(batch) => (RecordKind::Batch, serde_json::to_vec(batch)?),
            Entry::Decision(decision) => (RecordKind::Decision, serde_json::to_vec(decision)?),
            Entry::DeadLetter(letters) => (RecordKind::DeadLetter, serde_json::to_vec(letters)?),
            Entry::Erasure(erasure) => (RecordKind::Erasure, serde_json::to_vec(erasure)?),
            Entry::Visit(visit) => (RecordKind::Visit, serde_json::to_vec(visit)?),
            Entry::Stop(stop) => (RecordKind::Stop, serde_json::to_vec(stop)?),
            Entry::Grant(grant) => (RecordKind::Grant, serde_json::to_vec(grant)?),
            Entry::Order(order) => (RecordKind::Order, serde_json::to_vec(order)?),
            Entry::Catalog(catalog) => (RecordKind::Catalog, serde_json::to_vec(catalog)?),
            Entry::Purchase(purchase) => (RecordKind::Purchase, serde_json::to_vec(purchase)?),
        };
        Ok(Record { kind, site, pseudonym, received_at, key_id: None, payload })
    }

    /// The entry that `record` holds, which is not sealed any more.
    ///
    /// # Errors
    /// When the payload is not one of its kind.
    pub(crate) fn from_record(record: &Record) -> Result<Entry, serde_json::Error> {
        Ok(match record.kind {
            RecordKind::Consent => Entry::Consent(serde_json::from_slice(&record.payload)?),
            RecordKind::Batch => Entry::Batch(serde_json::from_slice(&record.payload)?),
            RecordKind::Decision => Entry::Decision(serde_json::from_slice(&record.payload)?),
            RecordKind::DeadLetter => Entry::DeadLetter(serde_json::from_slice(&record.payload)?),
            RecordKind::Erasure => Entry::Erasure(serde_json::from_slice(&record.payload)?),
            RecordKind::Visit => Entry::Visit(serde_json::from_slice(&record.payload)?),
            RecordKind::Stop => Entry::Stop(serde_json::from_slice(&record.payload)?),
            RecordKind::Grant => Entry::Grant(serde_json::from_slice(&record.payload)?),
            RecordKind::Order => Entry::Order(serde_json::from_slice(&record.payload)?),
            RecordKind::Catalog => Entry::Catalog(serde_json::from_slice(&record.payload)?),
            RecordKind::Purchase => Entry::Purchase(serde_json::from_slice(&record.payload)?),
        })
    }
}
