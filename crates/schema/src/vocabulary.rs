//! The closed words of the wire. Their snake_case names are the contract's.

use serde::{Deserialize, Serialize};

/// Declares a closed vocabulary: an enum without data that knows all its values and its names on the wire. Where a value is marked as
/// `#[serde(other)]`, names that are not known are read as that value, so that the word of a newer sender costs the word and not the event.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident => $text:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name {
            $($(#[$value_doc])* #[serde(rename = $text)] $value),+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$value),+];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$value => $text),+ }
            }

            /// The value of that name on the wire, if there is one.
            pub fn from_name(name: &str) -> Option<$name> {
                match name { $($text => Some($name::$value),)+ _ => None }
            }
        }
    };
}
pub(crate) use vocabulary;

vocabulary! {
    /// What kind of page the shopper is on.
    PageType {
        /// The shop's front page.
        Home => "home",
        /// A category or other list of products.
        List => "list",
        /// Results of the shop's own search.
        Search => "search",
        /// One product.
        Product => "product",
        /// The cart.
        Cart => "cart",
        /// Any step between cart and order.
        Checkout => "checkout",
        /// The page after an order.
        Confirmation => "confirmation",
        /// Any other page, those that a newer browser module may know by name included.
        #[serde(other)]
        Other => "other",
    }
}

vocabulary! {
    /// What part of a page an element plays, from `data-waver-zone`.
    Zone {
        /// A price.
        Price => "price",
        /// The call to action, mostly "add to cart".
        Cta => "cta",
        /// A size picker or size table.
        Size => "size",
        /// A picker of colour or another variant.
        Variant => "variant",
        /// A quantity stepper.
        Quantity => "quantity",
        /// Shipping cost or time.
        Shipping => "shipping",
        /// Return conditions.
        Returns => "returns",
        /// Reviews.
        Reviews => "reviews",
        /// A coupon field.
        Coupon => "coupon",
        /// The way into or through checkout.
        Checkout => "checkout",
        /// A part that a newer browser module may know by name.
        #[serde(other)]
        Other => "other",
    }
}

vocabulary! {
    /// A way of hesitating.
    HesitationKind {
        /// Hovering over the call to action without clicking it.
        CtaHover => "cta_hover",
        /// Dwelling on the price.
        PriceDwell => "price_dwell",
        /// Scrolling up and down the same stretch.
        ScrollOscillation => "scroll_oscillation",
        /// Going back and forth between variants.
        VariantSwitching => "variant_switching",
        /// Taking out, putting back or reducing what is in the cart.
        CartEdit => "cart_edit",
        /// Leaving for another tab and coming back.
        TabCompare => "tab_compare",
        /// Coming back to a product seen before.
        ProductReturn => "product_return",
        /// Looking for a coupon.
        CouponSearch => "coupon_search",
        /// Filling the same field again.
        FormRefill => "form_refill",
        /// Standing still in checkout.
        CheckoutStall => "checkout_stall",
        /// Moving to leave the page.
        ExitIntent => "exit_intent",
        /// Coming back after a pause.
        IdleReturn => "idle_return",
    }
}

vocabulary! {
    /// A way in which the page frustrates. It calls for help, not for a discount.
    FrustrationKind {
        /// Many fast clicks on one spot.
        RageClick => "rage_click",
        /// A click that changes nothing.
        DeadClick => "dead_click",
        /// A click followed by a script error.
        ErrorClick => "error_click",
        /// A pointer shaken to and fro.
        ThrashedCursor => "thrashed_cursor",
    }
}

vocabulary! {
    /// How near a purchase the shopper seems.
    Stage {
        /// Little sign of wanting to buy.
        Low => "low",
        /// Interest grows.
        Building => "building",
        /// About to buy.
        High => "high",
        /// About to leave.
        Leaving => "leaving",
    }
}

vocabulary! {
    /// Where the probability of a purchase is going.
    Trend {
        /// It rises.
        Up => "up",
        /// It stays.
        Flat => "flat",
        /// It falls.
        Down => "down",
    }
}

vocabulary! {
    /// How a view began.
    Navigation {
        /// A page load.
        Load => "load",
        /// A route change inside a single-page application.
        Route => "route",
        /// A page restored from the back/forward cache.
        Restore => "restore",
    }
}

vocabulary! {
    /// Where a session came from, as coarse as can be: never a URL.
    Referrer {
        /// Typed, bookmarked, or hidden by policy.
        Direct => "direct",
        /// The shop itself.
        Internal => "internal",
        /// Any other site.
        External => "external",
    }
}

vocabulary! {
    /// What the shopper points with.
    DeviceClass {
        /// A mouse or another precise pointer.
        Mouse => "mouse",
        /// A touch screen.
        Touch => "touch",
    }
}

vocabulary! {
    /// Who or what a session is, as far as the collector can tell without keeping who it was. Only shoppers are offered anything, counted
    /// among the shop's figures, or learned from; the others are counted apart.
    TrafficClass {
        /// A person, as far as anyone can tell.
        Shopper => "shopper",
        /// A crawler that says so: search engines, link previews, monitors.
        Crawler => "crawler",
        /// An agent that shops for somebody.
        ShoppingAgent => "shopping_agent",
        /// A browser without a screen, an HTTP library, or an agent in a data centre.
        Automation => "automation",
        /// A stream of events that no person can make.
        Impossible => "impossible",
    }
}

vocabulary! {
    /// A family of browsers, as coarse as measuring what each loses needs.
    BrowserFamily {
        /// Chrome, and what is built like it.
        Chrome => "chrome",
        /// Safari, and every browser of iOS, which is Safari inside.
        Safari => "safari",
        /// Firefox.
        Firefox => "firefox",
        /// Edge.
        Edge => "edge",
        /// Samsung Internet.
        Samsung => "samsung",
        /// Any other, or none that says so.
        Other => "other",
    }
}

vocabulary! {
    /// What is measured of a session; the words in which scores and decisions are explained. Units are those of the
    /// feature vector in `waver-core`.
    Feature {
        /// Page views so far.
        Views => "views",
        /// Views of product pages so far.
        ProductViews => "product_views",
        /// Returns to a product seen before.
        ProductReturns => "product_returns",
        /// Milliseconds with the page visible and the shopper active.
        EngagedMs => "engaged_ms",
        /// Deepest scroll position of the view, as a fraction in 0..=1.
        ScrollDepth => "scroll_depth",
        /// Changes of scroll direction within the last seconds, decaying.
        ScrollReversals => "scroll_reversals",
        /// Milliseconds of moving about over the call to action since the last click there, decaying.
        CtaDwellMs => "cta_dwell_ms",
        /// Times the pointer came back to the call to action without a click, decaying.
        CtaReturns => "cta_returns",
        /// Upward speed with which the pointer left the window, pixels a millisecond.
        ExitSpeed => "exit_speed",
        /// Milliseconds on the view before the pointer left.
        ViewMs => "view_ms",
        /// Items put into the cart so far.
        CartAdds => "cart_adds",
        /// Removals from the cart, decaying.
        CartRemoves => "cart_removes",
        /// Removals from the cart and returns to it, decaying.
        CartEdits => "cart_edits",
        /// Items in the cart now.
        CartItems => "cart_items",
        /// Views of the cart so far.
        CartViews => "cart_views",
        /// 1 once checkout has begun, else 0.
        CheckoutBegun => "checkout_begun",
        /// Times the page was hidden so far.
        Hides => "hides",
        /// Clicks so far.
        Clicks => "clicks",
        /// The strongest hesitation now, as a fraction in 0..=1.
        Hesitation => "hesitation",
        /// The probability of a purchase, as a fraction in 0..=1.
        PBuy => "p_buy",
        /// Milliseconds of moving about over a price, decaying.
        PriceDwellMs => "price_dwell_ms",
        /// Times that the pointer, or on a touch screen the eye, came back to a price, decaying.
        PriceReturns => "price_returns",
        /// Times that a price was selected as text, decaying.
        PriceSelections => "price_selections",
        /// Choices of a variant that was chosen before, decaying.
        VariantReturns => "variant_returns",
        /// Short absences from a product or cart in another tab or app, decaying.
        TabReturns => "tab_returns",
        /// Selections of a price or title that were followed by an absence, decaying.
        CopiedAway => "copied_away",
        /// Returns to a product from another one, decaying.
        ItemReturns => "item_returns",
        /// Most returns to one and the same product, decaying.
        SameItemReturns => "same_item_returns",
        /// Codes tried in the coupon field, decaying.
        CouponTries => "coupon_tries",
        /// Absences begun at the coupon field, decaying.
        CouponAways => "coupon_aways",
        /// Fields of a form changed again after they had been left, decaying.
        FieldRefills => "field_refills",
        /// Fields of a form emptied by hand, decaying.
        FieldClears => "field_clears",
        /// Milliseconds in checkout, present and without a step forward.
        StallMs => "stall_ms",
        /// Upward speed of the fastest recent scroll by touch, pixels a millisecond, decaying.
        FlingSpeed => "fling_speed",
        /// Steps back in the history, decaying.
        Backs => "backs",
        /// Milliseconds of the pause that the shopper came back from.
        PauseMs => "pause_ms",
        /// Milliseconds without a sign of life after a move to leave.
        IdleMs => "idle_ms",
        /// Clicks in one burst that the page did not answer, decaying.
        RageClicks => "rage_clicks",
        /// Clicks that changed nothing, decaying.
        DeadClicks => "dead_clicks",
        /// Clicks that a script's error followed, decaying.
        ErrorClicks => "error_clicks",
        /// Sharp reversals of a fast pointer, decaying.
        CursorReversals => "cursor_reversals",
        /// The strongest frustration now, as a fraction in 0..=1.
        Frustration => "frustration",
        /// Items put on a wish list so far.
        Wishes => "wishes",
        /// Different products so far, 64 at most.
        Items => "items",
        /// Different categories of products so far, 64 at most.
        Categories => "categories",
        /// Changes from one category of products to another so far.
        CategorySwitches => "category_switches",
        /// Milliseconds between the first and the last act: a view, something put into the cart, on a wish list or bought.
        SessionMs => "session_ms",
        /// Milliseconds between the last two acts.
        StepMs => "step_ms",
        /// Earlier sessions in this browser. This and the past and known ones below never leave the browser.
        PastSessions => "past_sessions",
        /// Items put into the cart in earlier sessions.
        PastCartAdds => "past_cart_adds",
        /// Items put on a wish list in earlier sessions.
        PastWishes => "past_wishes",
        /// Orders in earlier sessions.
        PastPurchases => "past_purchases",
        /// Hours since the last session ended; 0 if there was none.
        HoursAway => "hours_away",
        /// Acts on products of earlier sessions.
        KnownItems => "known_items",
        /// Acts in categories of earlier sessions.
        KnownCategories => "known_categories",
        /// Acts on products that were left in the cart in an earlier session.
        KnownInCart => "known_in_cart",
        /// Acts on products that were put on a wish list in an earlier session.
        KnownWished => "known_wished",
        /// Changes of mind on the way to or over the call to action, by the shape of the pointer's way, decaying.
        CtaTurns => "cta_turns",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_are_those_of_serde() {
        for kind in HesitationKind::ALL {
            assert_eq!(serde_json::to_string(kind).expect("serialises"), format!("\"{}\"", kind.as_str()));
            assert_eq!(HesitationKind::from_name(kind.as_str()), Some(*kind));
        }
        assert_eq!(HesitationKind::ALL.len(), 12);
        assert_eq!(Zone::from_name("basement"), None);
    }

    #[test]
    fn unknown_pages_and_zones_are_others_and_other_unknown_words_are_errors() {
        assert_eq!(serde_json::from_str::<PageType>("\"lookbook\"").ok(), Some(PageType::Other));
        assert_eq!(serde_json::from_str::<Zone>("\"basement\"").ok(), Some(Zone::Other));
        assert!(serde_json::from_str::<HesitationKind>("\"shrug\"").is_err());
        for wrong in ["7", "null", "[]", "{}"] {
            assert!(serde_json::from_str::<Zone>(wrong).is_err(), "{wrong}");
        }
    }
}
