//! In the cart and in checkout: editing, coupons, forms, and standing still.

use waver_schema::HesitationKind::{CartEdit, CheckoutStall, CouponSearch, FormRefill};

use super::{pages, spots};
use crate::scripted::scene::Claim::{Calm, Fires, Silent};
use crate::scripted::scene::Sign::Hesitation;
use crate::scripted::scene::{BOTH, MOUSE, Scene, act};

pub(super) fn scenes() -> Vec<Scene> {
    [stalls(), forms(), coupons(), editing()].concat()
}

fn editing() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Hesitation(CartEdit)]),
        page: pages::CART,
        cart: 2,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "takes things out of the cart one after the other",
            cart: 3,
            claim: Fires(Hesitation(CartEdit)),
            act: act!(hand => {
                hand.press("#remove-2").await?;
                hand.rest(900, 1_800).await;
                hand.press("#quantity-1-less").await?;
                hand.rest(900, 1_800).await;
                hand.press("#quantity-0-less").await?;
                hand.rest(900, 1_800).await;
            }),
            ..scene
        },
        Scene {
            name: "takes one out and puts it back, twice",
            claim: Fires(Hesitation(CartEdit)),
            act: act!(hand => {
                for _ in 0..2 {
                    hand.press("#quantity-0-less").await?;
                    hand.rest(2_400, 3_600).await;
                    hand.press("#quantity-0-more").await?;
                    hand.rest(2_400, 3_600).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "orders fewer by pressing the stepper twice",
            act: act!(hand => {
                hand.hammer("#quantity-1-less", 2).await?;
                hand.rest(900, 1_800).await;
            }),
            ..scene
        },
        Scene {
            name: "takes one thing out and goes on to checkout",
            act: act!(hand => {
                hand.press("#remove-1").await?;
                hand.rest(1_000, 2_000).await;
                hand.press(spots::GO_TO_CHECKOUT).await?;
                hand.arrive(pages::CHECKOUT).await?;
                hand.rest(1_000, 2_000).await;
            }),
            ..scene
        },
        Scene {
            name: "orders more of everything",
            act: act!(hand => {
                for button in ["#quantity-0-more", "#quantity-0-more", "#quantity-1-more", "#quantity-0-more", "#quantity-1-more"] {
                    hand.press(button).await?;
                    hand.rest(250, 700).await;
                }
            }),
            ..scene
        },
    ]
}

fn coupons() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Hesitation(CouponSearch)]),
        page: pages::CART,
        cart: 1,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "goes into the coupon field, looks elsewhere for a code, and comes back to it",
            claim: Fires(Hesitation(CouponSearch)),
            act: act!(hand => {
                hand.press("#coupon-code").await?;
                hand.rest(900, 1_800).await;
                hand.look_elsewhere(4_000, 7_000).await?;
                hand.rest(500, 1_000).await;
                hand.fill("#coupon-code", "save20").await?;
                hand.press("#coupon button").await?;
                hand.rest(800, 1_500).await;
            }),
            ..scene
        },
        Scene {
            name: "tries one code after the other",
            claim: Fires(Hesitation(CouponSearch)),
            act: act!(hand => {
                for code in ["save20", "summer", "first"] {
                    hand.fill("#coupon-code", code).await?;
                    hand.press("#coupon button").await?;
                    hand.rest(900, 1_500).await;
                    hand.press("#coupon-code").await?;
                    hand.erase(code.len() + 1).await?;
                }
            }),
            ..scene
        },
        Scene {
            name: "enters a code that it has, and goes on",
            act: act!(hand => {
                hand.fill("#coupon-code", "welcome10").await?;
                hand.press("#coupon button").await?;
                hand.rest(900, 1_500).await;
                hand.press(spots::GO_TO_CHECKOUT).await?;
                hand.arrive(pages::CHECKOUT).await?;
                hand.rest(1_000, 2_000).await;
            }),
            ..scene
        },
        Scene {
            name: "mistypes its code, and enters it anew",
            act: act!(hand => {
                hand.fill("#coupon-code", "welcom").await?;
                hand.press("#coupon button").await?;
                hand.rest(900, 1_500).await;
                hand.press("#coupon-code").await?;
                hand.key("End").await?;
                hand.erase(6).await?;
                hand.type_text("welcome10").await?;
                hand.press("#coupon button").await?;
                hand.rest(900, 1_500).await;
            }),
            ..scene
        },
        Scene {
            name: "passes by the coupon field on the way to checkout",
            claim: Calm,
            act: act!(hand => {
                hand.point_at("#coupon").await?;
                hand.rest(300, 900).await;
                hand.press(spots::GO_TO_CHECKOUT).await?;
                hand.arrive(pages::CHECKOUT).await?;
                hand.rest(1_000, 2_000).await;
            }),
            ..scene
        },
        Scene {
            name: "tabs through the coupon field by keyboard",
            screens: MOUSE,
            act: act!(hand => {
                hand.press("#quantity-0").await?;
                for _ in 0..6 {
                    hand.key("Tab").await?;
                    hand.rest(300, 700).await;
                }
            }),
            ..scene
        },
    ]
}

/// The fields of the checkout and what goes into them, as far as the payment.
const FIELDS: [(&str, &str); 5] = [
    ("#email", "ada@example.org"),
    ("#name", "Ada Example"),
    ("#street", "12 Lake Road"),
    ("#postcode", "10115"),
    ("#city", "Berlin"),
];

fn forms() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Hesitation(FormRefill)]),
        page: pages::CHECKOUT,
        cart: 1,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "fills the same fields again",
            claim: Fires(Hesitation(FormRefill)),
            act: act!(hand => {
                hand.fill("#street", "Lake Rd").await?;
                hand.fill("#postcode", "101").await?;
                for _ in 0..2 {
                    hand.press("#street").await?;
                    hand.key("End").await?;
                    hand.erase(7).await?;
                    hand.type_text("Hill St").await?;
                    hand.press("#postcode").await?;
                    hand.key("End").await?;
                    hand.erase(3).await?;
                    hand.type_text("202").await?;
                }
                hand.press("#city").await?;
                hand.rest(600, 1_200).await;
            }),
            ..scene
        },
        Scene {
            name: "fills the form field by field",
            act: act!(hand => {
                for (field, text) in FIELDS {
                    hand.fill(field, text).await?;
                    hand.rest(150, 500).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "corrects slips of typing",
            act: act!(hand => {
                for (field, text) in FIELDS {
                    hand.fill(field, text).await?;
                    hand.type_text("x").await?;
                    hand.erase(2).await?;
                    hand.type_text(&text[text.len() - 1..]).await?;
                }
            }),
            ..scene
        },
        Scene {
            name: "goes from field to field by tab and corrects one",
            screens: MOUSE,
            act: act!(hand => {
                hand.press(FIELDS[0].0).await?;
                for (_, text) in FIELDS {
                    hand.type_text(text).await?;
                    hand.key("Tab").await?;
                    hand.rest(150, 400).await;
                }
                hand.press("#postcode").await?;
                hand.key("End").await?;
                hand.erase(1).await?;
                hand.type_text("7").await?;
                hand.press("#country").await?;
                hand.rest(300, 700).await;
            }),
            ..scene
        },
        Scene {
            name: "lets the page fill the form, twice",
            act: act!(hand => {
                for _ in 0..2 {
                    hand.press("#fill-example").await?;
                    hand.rest(900, 1_800).await;
                }
            }),
            ..scene
        },
    ]
}

fn stalls() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Hesitation(CheckoutStall)]),
        page: pages::CHECKOUT,
        cart: 1,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "begins with checkout, and then only looks up and down",
            claim: Fires(Hesitation(CheckoutStall)),
            act: act!(hand => {
                hand.fill("#email", "ada@example.org").await?;
                for n in 0..24 {
                    hand.rest(2_500, 4_500).await;
                    if n % 3 == 0 {
                        hand.scroll(if n % 2 == 0 { 160.0 } else { -160.0 }).await?;
                    }
                    hand.linger("aside h2", 600).await?;
                }
            }),
            ..scene
        },
        Scene {
            name: "begins with checkout, and leaves it open with nobody there",
            act: act!(hand => {
                hand.fill("#email", "ada@example.org").await?;
                hand.rest(64_000, 70_000).await;
            }),
            ..scene
        },
        Scene {
            name: "begins with checkout, and is away in another tab",
            act: act!(hand => {
                hand.fill("#email", "ada@example.org").await?;
                hand.rest(1_500, 2_500).await;
                hand.look_elsewhere(70_000, 76_000).await?;
                hand.rest(1_500, 2_500).await;
            }),
            ..scene
        },
        Scene {
            name: "fills the checkout slowly",
            act: act!(hand => {
                for (field, text) in FIELDS {
                    hand.fill(field, text).await?;
                    hand.rest(3_000, 7_000).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "fetches the card in the middle of checkout",
            act: act!(hand => {
                hand.fill("#email", "ada@example.org").await?;
                hand.rest(9_000, 14_000).await;
                hand.fill("#name", "Ada Example").await?;
                hand.rest(1_000, 2_000).await;
            }),
            ..scene
        },
    ]
}
