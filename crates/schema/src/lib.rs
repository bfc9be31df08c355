//! What travels between the browser module and the collector, and nothing else.
//!
//! Every type here is closed: integers with a unit in their name, enums, and fixed-length identifiers. There is no
//! free text and no floating point in an event, so that nothing personal fits into one and both sides read the same bits.
//! Names on the wire are fixed by the outer contract; add to them, never rename or drop one.

mod batch;
mod consent;
mod decision;
mod erasure;
mod error;
mod event;
mod id;
pub mod limits;
mod unit;
mod vocabulary;

pub use batch::{Batch, BatchAnswer, Rejected};
pub use consent::{
    ConsentAnswer, ConsentChoice, ConsentMethod, ConsentNotice, ConsentReading, ConsentRecord, ConsentSource,
    EventStatus,
};
pub use decision::{
    Arm, Cart, CartItem, Contribution, Decision, DecisionFeatures, DecisionReason, DecisionRequest, EXPLAINED_BY,
    Offer, OfferKind, ZoneScore,
};
pub use erasure::{
    EraseAnswer, EraseRequest, ErasedClass, ErasedRecords, LedgerPoint, LogPoint, LogProof, MeRequest, Receipt,
    ReceiptKey, SignedReceipt,
};
pub use error::{ApiError, ErrorCode};
pub use event::{CommerceAction, DropCause, Event, EventBody, OfferAction, Reason};
pub use id::{
    DecisionId, ErasureId, GrantId, InvalidId, ItemRef, LedgerChain, Locale, LogChain, Nonce, NoticeVersion, OfferId,
    OrderRef, PolicyVersion, PublicKey, SessionId, ShopRef, Signature, SigningKeyId, SiteKey, SlotName, SourceVersion,
    StratumName, TextHash, VisitorId,
};
pub use unit::{Currency, Milli, OutOfRange};
pub use vocabulary::{
    BrowserFamily, DeviceClass, Feature, FrustrationKind, HesitationKind, Navigation, PageType, Referrer, Stage,
    TrafficClass, Trend, Zone,
};

/// Version of the event schema, the `v` of a batch. Grows only when an older reader could misread a newer batch;
/// added fields and enum values that older readers may ignore do not raise it.
pub const WIRE_VERSION: u16 = 1;
