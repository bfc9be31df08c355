use std::collections::BTreeMap;

use serde::Serialize;
use waver_schema::{
    BrowserFamily, ConsentChoice, Currency, DecisionId, DeviceClass, HesitationKind, Milli, OfferId, SlotName, Stage,
    TrafficClass, Trend, Zone,
};

use super::{HesitationTally, OfferState, OfferTrace, SessionState};

/// A session as operators see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionRow {
    /// Its pseudonym, in hexadecimal digits.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{32}$"))]
    pub session: String,
    /// When it began, Unix milliseconds.
    pub started_at: u64,
    /// When its last event happened, Unix milliseconds.
    pub last_event_at: u64,
    /// Whether it may still go on.
    pub live: bool,
    /// Who or what it is. All but shoppers are counted apart and offered nothing.
    pub traffic: TrafficClass,
    /// With which kind of browser.
    pub browser: BrowserFamily,
    /// What the shopper points with; null before the first view.
    pub device: Option<DeviceClass>,
    /// Stage of intent; null before the first score.
    pub stage: Option<Stage>,
    /// Probability of a purchase; null before the first score.
    pub p_buy_milli: Option<Milli>,
    /// Probability of leaving; null before the first score.
    pub p_leave_milli: Option<Milli>,
    /// Where the probability of a purchase is going; null before the first score.
    pub trend: Option<Trend>,
    /// Page views.
    pub views: u32,
    /// Product page views.
    pub product_views: u32,
    /// Items in the cart.
    pub cart_items: u32,
    /// Hesitations by kind and zone.
    #[cfg_attr(feature = "openapi", schema(max_items = 512))]
    pub hesitations: Vec<HesitationRow>,
    /// Frustrations.
    pub frustrations: u32,
    /// Offers, oldest first.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub offers: Vec<OfferRow>,
    /// Orders.
    pub purchases: u32,
    /// Value of the orders by currency, in minor units.
    pub revenue: BTreeMap<Currency, u64>,
    /// Events that never arrived.
    pub lost_events: u64,
    /// The consent on record.
    pub consent: SessionConsent,
}

/// Hesitations of one kind in one zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HesitationRow {
    /// Their kind.
    pub kind: HesitationKind,
    /// Where on the page.
    pub zone: Option<Zone>,
    /// How many.
    pub count: u32,
    /// The strongest.
    pub max_score_milli: Milli,
}

/// One offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferRow {
    /// The decision that made it.
    pub decision: DecisionId,
    /// The offer.
    pub offer: OfferId,
    /// The slot.
    pub slot: SlotName,
    /// How far it has come.
    pub state: OfferState,
    /// When it came there, Unix milliseconds.
    pub at: u64,
}

/// The consent on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionConsent {
    /// The epoch that batches must carry: it grows with each consent record, and has no other meaning.
    pub epoch: u32,
    /// May behaviour be measured?
    pub measure: ConsentChoice,
    /// May offers be chosen and shown?
    pub personalize: ConsentChoice,
}

impl SessionState {
    /// The session as operators see it at `now` (Unix milliseconds).
    pub fn row(&self, pseudonym_hex: &str, now: u64) -> SessionRow {
        let intent = self.intent.last();
        SessionRow {
            session: pseudonym_hex.into(),
            started_at: self.started_at,
            last_event_at: self.last_event_at,
            live: now < self.ends_at(),
            traffic: self.traffic(),
            browser: self.client.browser,
            device: self.device.map(|(_, device)| device),
            stage: intent.map(|score| score.stage),
            p_buy_milli: intent.map(|score| score.p_buy_milli),
            p_leave_milli: intent.map(|score| score.p_leave_milli),
            trend: intent.map(|score| score.trend),
            views: self.views,
            product_views: self.product_views,
            cart_items: self.cart.now().items,
            hesitations: self.hesitations.iter().map(HesitationTally::row).collect(),
            frustrations: self.frustrations,
            offers: self.offers.iter().map(OfferTrace::row).collect(),
            purchases: self.orders.count(),
            revenue: self.orders.revenue(),
            lost_events: self.lost_events(),
            consent: SessionConsent {
                epoch: self.consent.consent_epoch,
                measure: self.consent.measure,
                personalize: self.consent.personalize,
            },
        }
    }
}

impl HesitationTally {
    fn row(&self) -> HesitationRow {
        HesitationRow { kind: self.kind, zone: self.zone, count: self.count, max_score_milli: self.max_score_milli }
    }
}
