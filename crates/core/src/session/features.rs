use waver_schema::Feature;

use super::SessionState;
use crate::features::FeatureVector;

/// The features that the collector knows of a session, by the definitions that the browser has them by: counts so far. What decays, and what
/// needs the shopper's hand, only the browser knows. Attention is there as far as it was told.
pub const TOLD_FEATURES: [Feature; 7] = [
    Feature::Views,
    Feature::ProductViews,
    Feature::EngagedMs,
    Feature::CartAdds,
    Feature::CartItems,
    Feature::CheckoutBegun,
    Feature::PBuy,
];

impl SessionState {
    /// The features that were told so far, [`TOLD_FEATURES`]; the others are 0. `None` before the browser has told a score.
    pub fn features(&self) -> Option<FeatureVector> {
        let score = self.intent.last()?;
        let cart = self.cart.now();
        let mut features = FeatureVector::default();
        for (feature, value) in TOLD_FEATURES.into_iter().zip([
            f64::from(self.views),
            f64::from(self.product_views),
            self.engaged_ms as f64,
            f64::from(self.cart_adds),
            f64::from(cart.items),
            f64::from(u8::from(cart.checkout_begun)),
            f64::from(score.p_buy_milli.get()) / 1_000.0,
        ]) {
            features.set(feature, value);
        }
        Some(features)
    }

    /// Whether something was bought.
    pub fn has_bought(&self) -> bool {
        self.orders.count() > 0
    }
}

#[cfg(test)]
mod tests {
    use waver_schema::{BrowserFamily, Referrer, Stage, TrafficClass, Trend};
    use waver_schema::{CommerceAction, ConsentChoice, DeviceClass, Event, EventBody, Milli, Navigation, PageType};

    use super::super::Client;
    use super::*;

    #[test]
    fn what_was_told_is_what_the_browser_counted() {
        let client = Client { traffic: TrafficClass::Shopper, browser: BrowserFamily::Chrome };
        let mut state = SessionState::new(1_000_000, client);
        let epoch = state.record_consent(ConsentChoice::Granted, ConsentChoice::Granted, 1_000_000).consent_epoch;
        let view = EventBody::PageView {
            page: PageType::Product,
            navigation: Navigation::Load,
            referrer: Referrer::Direct,
            device: DeviceClass::Mouse,
            item: None,
        };
        let add = EventBody::Commerce {
            action: CommerceAction::AddToCart,
            item: None,
            quantity: 2,
            value_minor: None,
            currency: None,
            order: None,
        };
        let milli = |number: u64| Milli::try_from(number).expect("in range");
        let intent = EventBody::Intent {
            p_buy_milli: milli(250),
            p_leave_milli: milli(0),
            stage: Stage::Building,
            trend: Trend::Up,
        };
        let event = |seq: u64, body: EventBody| Event { seq, t: seq * 100, body };
        state.fold(epoch, &[event(1, view), event(2, add)], 1_001_000);
        assert_eq!(state.features(), None, "no score yet");
        let attention = EventBody::Engagement { engaged_ms: 300, clicks: 1, scroll_milli: milli(0) };
        state.fold(epoch, &[event(3, attention), event(4, intent)], 1_001_000);
        let features = state.features().expect("a score");
        assert_eq!(TOLD_FEATURES.map(|feature| features.get(feature)), [1.0, 1.0, 300.0, 1.0, 2.0, 0.0, 0.25]);
        assert!(!state.has_bought());
    }
}
