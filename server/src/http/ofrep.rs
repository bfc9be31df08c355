//! OpenFeature's remote evaluation protocol (OFREP, github.com/open-feature/protocol): a slot is a flag, and the decision for it is the flag's
//! value. It is taken as any other: same committer, same log, same caps.
//!
//! The context is what `POST /v1/decisions` takes, the targeting key being the session. A page that has not recorded a grant yet, or has withdrawn
//! it, is told so by a flag (`no_consent`) and not by an error, so that a client asks again once its context has a grant.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use waver_core::consent::Purpose;
use waver_schema::{
    Arm, Cart, CartItem, Decision, DecisionFeatures, DecisionReason, DecisionRequest, ErrorCode, ItemRef, Locale,
    PageType, SessionId, SiteKey, SlotName, VisitorId, limits,
};

use super::refusal::Refusal;
use super::{App, SharedApp, access, body, decisions};
use crate::keyring::PurposeSet;
use crate::pipeline::Candidates;

/// Most slots that one request may ask for.
const MOST_SLOTS: usize = 16;
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The body of both routes.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Evaluation {
    context: EvaluationContext,
}

/// For whom flags are evaluated, and what is known of the page. What else a context holds is not read.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct EvaluationContext {
    /// The session, named by the browser.
    #[serde(rename = "targetingKey")]
    targeting_key: SessionId,
    /// The shop's site. Without it, the header `X-API-Key`, or `Authorization: Bearer`, names the site.
    #[serde(default)]
    site: Option<SiteKey>,
    /// The grant under which this is asked. Without one nothing is offered.
    #[serde(default)]
    consent_epoch: u32,
    /// When all flags are asked for: only these slots, and not every slot of the policy.
    #[serde(default)]
    #[schema(max_items = 16)]
    slots: Vec<SlotName>,
    /// The scores as the browser has them.
    #[serde(default)]
    features: DecisionFeatures,
    /// The cart as the browser has it.
    #[serde(default)]
    cart: Cart,
    /// Kind of page.
    #[serde(default = "some_page")]
    page: PageType,
    /// The product shown, on product pages.
    #[serde(default)]
    item: Option<ItemRef>,
    /// The products in the cart, as far as the browser knows them.
    #[serde(default)]
    #[schema(max_items = 32)]
    items: Vec<CartItem>,
    /// Language of the page.
    #[serde(default)]
    locale: Option<Locale>,
    /// The browser across sessions, where the site keeps caps across them.
    #[serde(default)]
    visitor: Option<VisitorId>,
}

fn some_page() -> PageType {
    PageType::Other
}

impl EvaluationContext {
    /// The question for one slot.
    fn ask(&self, site: &SiteKey, slot: &SlotName) -> DecisionRequest {
        DecisionRequest {
            site: site.clone(),
            session: self.targeting_key,
            consent_epoch: self.consent_epoch,
            slot: slot.clone(),
            features: self.features.clone(),
            cart: self.cart,
            page: self.page,
            item: self.item,
            items: self.items.clone(),
            locale: self.locale.clone(),
            visitor: self.visitor,
        }
    }
}

/// A flag as it was evaluated.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Flag {
    /// The slot.
    key: SlotName,
    /// The decision for it; always an object, with or without an offer in it.
    value: Decision,
    /// Why, in OpenFeature's words.
    reason: FlagReason,
    /// The name of the offer; `holdout` or `nothing` where there is none.
    #[schema(max_length = 32)]
    variant: String,
    /// What is worth keeping of the decision where values are not kept.
    metadata: FlagMetadata,
}

/// OpenFeature's reasons, as far as they happen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FlagReason {
    /// A rule matched.
    TargetingMatch,
    /// The session's lot decided.
    Split,
    /// There is no consent, or offers are switched off.
    Disabled,
    /// No offer, for one of the other reasons.
    Default,
}

impl FlagReason {
    fn of(reason: DecisionReason) -> FlagReason {
        match reason {
            DecisionReason::TargetingMatch => FlagReason::TargetingMatch,
            DecisionReason::Holdout => FlagReason::Split,
            DecisionReason::NoConsent | DecisionReason::KillSwitch => FlagReason::Disabled,
            _ => FlagReason::Default,
        }
    }
}

/// Metadata of a flag: OpenFeature allows booleans, numbers and texts.
#[derive(Debug, Serialize, ToSchema)]
struct FlagMetadata {
    /// Why, in the contract's words.
    reason: DecisionReason,
    /// What was chosen.
    arm: Arm,
    /// Probability, 0..=1, with which this arm was chosen.
    propensity: f64,
    /// Whether the session is in the holdout.
    holdout: bool,
    /// Version of the policy.
    #[schema(max_length = 16)]
    policy: String,
}

impl From<Decision> for Flag {
    fn from(decision: Decision) -> Flag {
        let Decision { reason, arm, propensity, holdout, .. } = decision;
        let offer = decision.offer.as_ref().map(|offer| offer.id.as_str());
        let variant = offer.unwrap_or(if holdout { Arm::Holdout.as_str() } else { Arm::Nothing.as_str() });
        Flag {
            key: decision.slot.clone(),
            reason: FlagReason::of(reason),
            variant: variant.to_owned(),
            metadata: FlagMetadata { reason, arm, propensity, holdout, policy: decision.policy.clone() },
            value: decision,
        }
    }
}

/// All flags that were asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Flags {
    #[schema(max_items = 16)]
    flags: Vec<Flag>,
}

/// Why nothing was evaluated, as OFREP says it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EvaluationFailure {
    /// The slot that was asked for; empty if it can not be the name of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    key: Option<String>,
    /// What went wrong, in OpenFeature's words.
    error_code: EvaluationCode,
    /// What went wrong and what to do, for people. Never repeats what was sent.
    #[schema(max_length = 1300)]
    error_details: String,
}

/// OpenFeature's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum EvaluationCode {
    ParseError,
    TargetingKeyMissing,
    InvalidContext,
    FlagNotFound,
    General,
}

/// Why nothing is evaluated.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nobody is named.
    NoTargetingKey,
    /// As elsewhere.
    Refused(Refusal),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::Refused(refusal)
    }
}

impl Fault {
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Fault::NoTargetingKey => Refusal::new(ErrorCode::Schema, "set the session as the context's targetingKey"),
            Fault::Refused(refusal) => refusal,
        }
    }

    fn code(&self) -> EvaluationCode {
        let Fault::Refused(refusal) = self else { return EvaluationCode::TargetingKeyMissing };
        match refusal.code() {
            ErrorCode::BadJson => EvaluationCode::ParseError,
            ErrorCode::Schema => EvaluationCode::InvalidContext,
            ErrorCode::NotFound => EvaluationCode::FlagNotFound,
            _ => EvaluationCode::General,
        }
    }

    /// The answer to whoever asked for `key`, or for all flags.
    fn answer(self, key: Option<String>) -> Response {
        let error_code = self.code();
        let refusal = self.refusal();
        let said = &refusal.0;
        let error_details = match &said.field {
            Some(field) => format!("{field}: {}", said.message),
            None => said.message.clone(),
        };
        let failure = EvaluationFailure { key, error_code, error_details };
        // What the other refusals have around them stays: when to try again, and what the layers outside look at.
        let (mut parts, _) = refusal.into_response().into_parts();
        if parts.status == StatusCode::UNPROCESSABLE_ENTITY {
            // OFREP knows one status for whatever is wrong with a request.
            parts.status = StatusCode::BAD_REQUEST;
        }
        Response::from_parts(parts, Body::from(serde_json::to_vec(&failure).unwrap_or_default()))
    }
}

/// Evaluates one slot: the decision of `POST /v1/decisions` as an OpenFeature flag whose value is an object.
#[utoipa::path(
    post, path = "/ofrep/v1/evaluate/flags/{slot}", tag = "ingest",
    params(("slot" = SlotName, Path, description = "the flag's key")),
    request_body(content((Evaluation = "application/json"), (Evaluation = "text/plain"))),
    responses(
        (status = 200, body = Flag), (status = 400, body = EvaluationFailure), (status = 401, body = EvaluationFailure),
        (status = 403, body = EvaluationFailure), (status = 404, body = EvaluationFailure), (status = 413, body = EvaluationFailure),
        (status = 415, body = EvaluationFailure), (status = 429, body = EvaluationFailure), (status = 503, body = EvaluationFailure)
    )
)]
pub(super) async fn one(
    State(app): State<SharedApp>,
    slot: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    let slot = slot.ok().and_then(|Path(name)| SlotName::parse(&name).ok());
    let key = slot.as_ref().map_or_else(String::new, |slot| slot.as_str().to_owned());
    match evaluate(&app, &headers, sent, slot.map(Some).ok_or_else(no_such_flag)).await {
        Ok(mut flags) => match flags.pop() {
            Some(flag) => Json(flag).into_response(),
            None => Fault::from(no_such_flag()).answer(Some(key)),
        },
        Err(fault) => fault.answer(Some(key)),
    }
}

/// Evaluates every slot of the policy, or those that the context names. With the `ETag` of an earlier answer, only if something changed since.
#[utoipa::path(
    post, path = "/ofrep/v1/evaluate/flags", tag = "ingest",
    params(("If-None-Match" = Option<String>, Header, max_length = 1024, description = "the ETag of an earlier answer")),
    request_body(content((Evaluation = "application/json"), (Evaluation = "text/plain"))),
    responses(
        (status = 200, description = "with an ETag", body = Flags), (status = 304, description = "nothing changed"),
        (status = 400, body = EvaluationFailure), (status = 401, body = EvaluationFailure), (status = 403, body = EvaluationFailure),
        (status = 404, description = "the context names a slot that the policy does not have", body = EvaluationFailure),
        (status = 413, body = EvaluationFailure), (status = 415, body = EvaluationFailure), (status = 429, body = EvaluationFailure),
        (status = 503, body = EvaluationFailure)
    )
)]
pub(super) async fn all(State(app): State<SharedApp>, headers: HeaderMap, sent: Body) -> Response {
    let flags = match evaluate(&app, &headers, sent, Ok(None)).await {
        Ok(flags) => flags,
        Err(fault) => return fault.answer(None),
    };
    let tag = tag(&flags);
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known, &tag));
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { Json(Flags { flags }).into_response() };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Decides for one slot, or for every slot that is asked for.
async fn evaluate(
    app: &App,
    headers: &HeaderMap,
    sent: Body,
    slot: Result<Option<SlotName>, Refusal>,
) -> Result<Vec<Flag>, Fault> {
    access::expect_no_objection(headers)?;
    let received_at = app.host.now();
    let json = body::read(headers, sent, limits::BATCH_BYTES, app.limits.request_timeout).await?;
    let context = read(&json)?;
    let key = context.site.clone().or_else(|| site_key(headers));
    let key = key.ok_or_else(|| {
        Refusal::new(ErrorCode::UnknownSite, "name the site: in the context, or as X-API-Key").at("context.site")
    })?;
    let site = access::find_site(app, &key, headers)?;
    app.rates.request_to(site).map_err(Refusal::exceeded)?;
    access::expect_nothing_personal(app, "decision-request", &without_session(&json))?;
    let of_policy = app.sites.get(site).policy().slots();
    let slots = match slot? {
        Some(slot) => vec![slot],
        None if context.slots.is_empty() => of_policy.iter().take(MOST_SLOTS).cloned().collect(),
        None => context.slots.clone(),
    };
    if slots.iter().any(|slot| !of_policy.contains(slot)) {
        return Err(no_such_flag().into());
    }
    let sets = PurposeSet::holding(Purpose::Personalize);
    let of = access::candidates(app, site, &context.targeting_key, &sets, context.visitor.as_ref(), received_at);
    // They are handed in one after the other before any is answered, so that they are taken in this order, and stored together.
    let decided = slots.iter().map(|slot| decide(app, of.clone(), context.ask(&key, slot), received_at));
    Ok(try_join_all(decided).await?.into_iter().map(Flag::from).collect())
}

async fn decide(app: &App, of: Candidates, request: DecisionRequest, now: u64) -> Result<Decision, Refusal> {
    let slot = request.slot.clone();
    match decisions::decide(app, of, request).await {
        Err(refusal) if [ErrorCode::Consent, ErrorCode::Erased].contains(&refusal.code()) => {
            app.metrics.decided(DecisionReason::NoConsent);
            Ok(without_consent(slot, now))
        }
        decided => decided,
    }
}

/// What is decided where nothing may be decided; as the browser module says it.
fn without_consent(slot: SlotName, now: u64) -> Decision {
    Decision {
        decision: None,
        slot,
        offer: None,
        reason: DecisionReason::NoConsent,
        arm: Arm::Nothing,
        propensity: 1.0,
        holdout: false,
        policy: String::new(),
        model: waver_core::intent::RULES.to_owned(),
        explain: Vec::new(),
        now,
    }
}

/// Reads a request.
///
/// # Errors
/// [`Fault::NoTargetingKey`]; else as [`body::parse`], and [`ErrorCode::Schema`] for lists that are too long.
pub(super) fn read(json: &[u8]) -> Result<EvaluationContext, Fault> {
    let sent: Value = body::parse(json)?;
    // A client without a context sends none of it, or an empty one.
    if matches!(&sent["context"]["targetingKey"], Value::Null) || sent["context"]["targetingKey"] == "" {
        return Err(Fault::NoTargetingKey);
    }
    let Evaluation { context } = body::parse(json)?;
    let lists = [
        ("context.features.hesitation", context.features.hesitation.len(), limits::SCORES_PER_DECISION),
        ("context.items", context.items.len(), limits::ITEMS_PER_DECISION),
        ("context.slots", context.slots.len(), MOST_SLOTS),
    ];
    match lists.into_iter().find(|(_, length, most)| length > most) {
        Some((place, _, most)) => {
            Err(Refusal::new(ErrorCode::Schema, format!("more than {most} of them")).at(place).into())
        }
        None => Ok(context),
    }
}

/// The context alone, for the tripwire: a session's id looks like much that is personal, and was read as what it is.
fn without_session(json: &[u8]) -> Vec<u8> {
    let mut sent: Value = serde_json::from_slice(json).unwrap_or_default();
    let mut context = sent["context"].take();
    if let Some(fields) = context.as_object_mut() {
        fields.remove("targetingKey");
    }
    if let (Value::Object(fields), Value::Object(around)) = (&mut context, sent) {
        // What stands beside the context is no less sent.
        fields.extend(around.into_iter().filter(|(name, _)| name != "context"));
    }
    context.to_string().into_bytes()
}

/// The site that the request's headers name, as OFREP's security schemes allow.
fn site_key(headers: &HeaderMap) -> Option<SiteKey> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let bearer = || text(header::AUTHORIZATION)?.strip_prefix("Bearer ");
    SiteKey::parse(text(API_KEY).or_else(bearer)?.trim()).ok()
}

fn no_such_flag() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "no offer of the site's policy has that slot; flags are named as slots are")
}

/// Names what a page would show. What every answer brings anew, such as the time, is not in it.
fn tag(flags: &[Flag]) -> String {
    let shown: Vec<_> = flags
        .iter()
        .map(|Flag { key, value, .. }| (key, &value.offer, value.reason, value.arm, &value.policy))
        .collect();
    // Closed types, which are always JSON.
    let hash = blake3::hash(&serde_json::to_vec(&shown).unwrap_or_default()).to_hex();
    format!("\"{}\"", &hash[..16])
}

/// Whether an `If-None-Match` names `tag` (RFC 9110, 13.1.2).
fn names(known: &HeaderValue, tag: &str) -> bool {
    let listed = known.to_str().unwrap_or_default();
    listed.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(known: &'static str) -> bool {
        names(&HeaderValue::from_static(known), "\"0123\"")
    }

    #[test]
    fn an_answer_is_known_by_its_tag() {
        assert!(named("\"0123\"") && named("W/\"0123\"") && named("\"a\", \"0123\"") && named("*"));
        assert!(!named("0123") && !named("\"0124\"") && !named("") && !named("\"0123\"x"));
    }

    #[test]
    fn the_site_is_named_by_either_header() {
        let of = |name: &'static str, value: &'static str| {
            site_key(&HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]))
        };
        let demo = SiteKey::parse("demo").ok();
        assert_eq!((of("x-api-key", "demo"), of("authorization", "Bearer demo")), (demo.clone(), demo));
        assert_eq!((of("authorization", "Basic demo"), of("x-api-key", "Not A Site")), (None, None));
    }

    #[test]
    fn the_tripwire_sees_what_is_around_the_session() {
        let json = br#"{"context":{"targetingKey":"00112233445566778899aabbccddeeff","mail":"x"},"user":"y"}"#;
        let seen: Value = serde_json::from_slice(&without_session(json)).expect("JSON");
        assert_eq!(seen, serde_json::json!({"mail": "x", "user": "y"}));
    }

    #[test]
    fn whoever_names_nobody_is_told_so() {
        for none in ["{}", r#"{"context":{}}"#, r#"{"context":{"targetingKey":""}}"#, r#"{"context":null}"#] {
            assert_eq!(
                read(none.as_bytes()).expect_err("nobody").code(),
                EvaluationCode::TargetingKeyMissing,
                "{none}"
            );
        }
        let wrong = read(br#"{"context":{"targetingKey":"jane@example.com"}}"#).expect_err("no session");
        assert_eq!(wrong.code(), EvaluationCode::InvalidContext);
        assert!(!format!("{:?}", wrong.refusal()).contains("jane"));
        assert_eq!(read(b"{").expect_err("no JSON").code(), EvaluationCode::ParseError);
    }
}
