//! Values of the wire types, made of the bytes of an input.

use arbitrary::{Result, Unstructured};
use waver_core::decision::{Circumstances, Facts, ItemFacts, Learned, LearnedArm, LineFacts, SessionHistory};
use waver_schema::{
    Cart, CommerceAction, Currency, DecisionFeatures, DecisionId, DeviceClass, DropCause, Event, EventBody,
    FrustrationKind, HesitationKind, ItemRef, Milli, Navigation, OfferAction, OfferId, OrderRef, PageType, Referrer,
    SlotName, Stage, Trend, Zone, ZoneScore,
};

/// The names that the seeds of `offers.toml` use.
const SLOTS: [&str; 3] = ["product", "cart", "banner"];
pub(crate) const OFFERS: [&str; 3] = ["ten-percent", "ask-us", "gift"];

pub(crate) fn milli(bytes: &mut Unstructured<'_>) -> Result<Milli> {
    Ok(Milli::try_from(u64::from(bytes.int_in_range(0..=1000_u16)?)).expect("in range"))
}

fn maybe<T>(bytes: &mut Unstructured<'_>, make: impl FnOnce(&mut Unstructured<'_>) -> Result<T>) -> Result<Option<T>> {
    if bytes.arbitrary()? { make(bytes).map(Some) } else { Ok(None) }
}

fn one_of<T: Copy>(bytes: &mut Unstructured<'_>, all: &[T]) -> Result<T> {
    bytes.choose(all).copied()
}

pub(crate) fn zone(bytes: &mut Unstructured<'_>) -> Result<Option<Zone>> {
    maybe(bytes, |bytes| one_of(bytes, Zone::ALL))
}

fn currency(bytes: &mut Unstructured<'_>) -> Result<Option<Currency>> {
    maybe(bytes, |bytes| Ok(Currency::new(one_of(bytes, &["EUR", "USD", "JPY", "GBP"])?).expect("a code")))
}

fn item(bytes: &mut Unstructured<'_>) -> Result<Option<ItemRef>> {
    maybe(bytes, |bytes| Ok(ItemRef::from_label(one_of(bytes, &["a", "b", "c"])?)))
}

/// One of a few, so that events meet the decisions they speak of.
pub(crate) fn decision(bytes: &mut Unstructured<'_>) -> Result<DecisionId> {
    Ok(DecisionId::from_bytes([bytes.int_in_range(0..=7)?; 16]))
}

pub(crate) fn slot(bytes: &mut Unstructured<'_>) -> Result<SlotName> {
    Ok(SlotName::parse(one_of(bytes, &SLOTS)?).expect("a name"))
}

/// Numbers and times near to each other and to their limits, where mistakes are.
pub(crate) fn event(bytes: &mut Unstructured<'_>) -> Result<Event> {
    let seq = match bytes.int_in_range(0..=7_u8)? {
        0 => bytes.arbitrary()?,
        1 => bytes.int_in_range((1 << 20) - 2..=(1 << 20) + 1)?,
        _ => u64::from(bytes.arbitrary::<u8>()?),
    };
    let t = match bytes.int_in_range(0..=7_u8)? {
        0 => bytes.arbitrary()?,
        1 => bytes.int_in_range(86_399_000..=86_401_000)?,
        _ => u64::from(bytes.arbitrary::<u16>()?) * 60,
    };
    Ok(Event { seq, t, body: body(bytes)? })
}

fn body(bytes: &mut Unstructured<'_>) -> Result<EventBody> {
    Ok(match bytes.int_in_range(0..=7_u8)? {
        0 => EventBody::PageView {
            page: one_of(bytes, PageType::ALL)?,
            navigation: one_of(bytes, Navigation::ALL)?,
            referrer: one_of(bytes, Referrer::ALL)?,
            device: one_of(bytes, DeviceClass::ALL)?,
            item: item(bytes)?,
        },
        1 => EventBody::Engagement {
            engaged_ms: bytes.arbitrary()?,
            scroll_milli: milli(bytes)?,
            clicks: bytes.arbitrary()?,
        },
        2 => EventBody::Commerce {
            action: one_of(bytes, CommerceAction::ALL)?,
            item: item(bytes)?,
            quantity: bytes.arbitrary()?,
            value_minor: bytes.arbitrary()?,
            currency: currency(bytes)?,
            order: maybe(bytes, |bytes| Ok(OrderRef::from_label(&bytes.int_in_range(0..=40_u8)?.to_string())))?,
        },
        3 => EventBody::Hesitation {
            kind: one_of(bytes, HesitationKind::ALL)?,
            zone: zone(bytes)?,
            page: one_of(bytes, PageType::ALL)?,
            score_milli: milli(bytes)?,
            confidence_milli: milli(bytes)?,
            since_ms: bytes.arbitrary()?,
            reasons: Vec::new(),
        },
        4 => EventBody::Frustration {
            kind: one_of(bytes, FrustrationKind::ALL)?,
            zone: zone(bytes)?,
            page: one_of(bytes, PageType::ALL)?,
        },
        5 => EventBody::Intent {
            p_buy_milli: milli(bytes)?,
            p_leave_milli: milli(bytes)?,
            stage: one_of(bytes, Stage::ALL)?,
            trend: one_of(bytes, Trend::ALL)?,
        },
        6 => EventBody::Offer {
            action: one_of(bytes, OfferAction::ALL)?,
            decision: decision(bytes)?,
            since_signal_ms: bytes.arbitrary()?,
        },
        _ => EventBody::Dropped { cause: one_of(bytes, DropCause::ALL)?, count: bytes.arbitrary()? },
    })
}

fn offers(bytes: &mut Unstructured<'_>) -> Result<Vec<OfferId>> {
    let mut offers = Vec::new();
    for _ in 0..bytes.int_in_range(0..=3_u8)? {
        offers.push(OfferId::parse(one_of(bytes, &OFFERS)?).expect("a name"));
    }
    Ok(offers)
}

fn item_facts(bytes: &mut Unstructured<'_>) -> Result<ItemFacts> {
    Ok(ItemFacts {
        stock: bytes.arbitrary()?,
        price_minor: bytes.arbitrary()?,
        currency: currency(bytes)?,
        margin_minor: bytes.arbitrary()?,
        lowest_30d_minor: bytes.arbitrary()?,
    })
}

fn lines(bytes: &mut Unstructured<'_>) -> Result<Vec<LineFacts>> {
    let mut lines = Vec::new();
    for _ in 0..bytes.int_in_range(0..=2_u8)? {
        lines.push(LineFacts { quantity: bytes.arbitrary()?, item: item_facts(bytes)? });
    }
    Ok(lines)
}

fn learned(bytes: &mut Unstructured<'_>) -> Result<Learned> {
    let mut arms = Vec::new();
    for _ in 0..bytes.int_in_range(0..=3_u8)? {
        let offer = OfferId::parse(one_of(bytes, &OFFERS)?).expect("a name");
        arms.push(LearnedArm { offer, weight: bytes.arbitrary()?, show: bytes.arbitrary()? });
    }
    Ok(Learned { arms })
}

pub(crate) fn facts(bytes: &mut Unstructured<'_>) -> Result<Facts> {
    let mut hesitation = Vec::new();
    for kind in HesitationKind::ALL {
        if bytes.arbitrary()? {
            hesitation.push(ZoneScore { kind: *kind, zone: zone(bytes)?, score_milli: milli(bytes)? });
        }
    }
    let mut offered = Vec::new();
    for _ in 0..bytes.int_in_range(0..=5_u8)? {
        offered.push((OfferId::parse(one_of(bytes, &OFFERS)?).expect("a name"), bytes.arbitrary::<u32>()?.into()));
    }
    Ok(Facts {
        personalize: bytes.ratio(7_u8, 8_u8)?,
        slot: slot(bytes)?,
        page: one_of(bytes, PageType::ALL)?,
        features: DecisionFeatures {
            hesitation,
            p_buy_milli: milli(bytes)?,
            p_leave_milli: milli(bytes)?,
            stage: maybe(bytes, |bytes| one_of(bytes, Stage::ALL))?,
            frustrations: bytes.arbitrary()?,
        },
        cart: Cart { items: bytes.arbitrary()?, value_minor: bytes.arbitrary()?, currency: currency(bytes)? },
        history: SessionHistory {
            views: bytes.arbitrary()?,
            product_views: bytes.arbitrary()?,
            cart_adds: bytes.arbitrary()?,
            checkout_begun: bytes.arbitrary()?,
            purchases: u32::from(bytes.ratio(1_u8, 8_u8)?),
            offered,
            cart_removes: bytes.arbitrary()?,
            dismissed: bytes.arbitrary()?,
            standing: offers(bytes)?,
        },
        around: Circumstances {
            to_visitor: offers(bytes)?,
            item: maybe(bytes, item_facts)?,
            in_cart: lines(bytes)?,
            spent: offers(bytes)?,
            stopped: offers(bytes)?,
            learned: maybe(bytes, learned)?,
        },
        lot: bytes.arbitrary()?,
        at: bytes.arbitrary()?,
    })
}

/// Each number is a byte, or after an escape eight of them, so that small whole numbers, which most are, take one.
pub(crate) fn numbers(row: &[u8]) -> Vec<f64> {
    let mut numbers = Vec::new();
    let mut rest = row;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        numbers.push(match (first, rest.split_first_chunk::<8>()) {
            (255, Some((number, after))) => {
                rest = after;
                f64::from_le_bytes(*number)
            }
            (byte, _) => f64::from(*byte),
        });
    }
    numbers
}
