//! What wavering looks like: small pieces of behaviour, each written as hands do it.

use waver_core::{FieldAct, FieldClass, Pressed};
use waver_schema::{PageType, Zone};

use super::hand::Hand;
use super::screen::Spot;

/// Reads on down the page for about so long, looks at this and that on the way.
pub(super) fn read(hand: &mut Hand, page: PageType, ms: u64) {
    let until = hand.t + ms;
    while hand.t < until {
        let (scrolled, range) = hand.depth();
        let distance = hand.dice.real(150.0, 420.0);
        // A page read to its end is looked at, not scrolled to and fro.
        if scrolled + distance < range && hand.dice.chance(0.6) {
            hand.flick(distance);
        } else if page == PageType::Product && hand.dice.chance(0.25) {
            let glance = hand.dice.whole(300, 900);
            hand.linger(Spot::Plain, glance);
        }
        let rest = hand.dice.whole(500, 2_200).min(until.saturating_sub(hand.t));
        hand.wait(rest);
    }
}

/// Moves about over the call to action, off it and back, and does not press.
pub(super) fn dither(hand: &mut Hand, zone: Zone) {
    let spot = Spot::Zone(zone);
    hand.point_at(spot);
    let doubt = hand.dice.whole(2_600, 5_200);
    hand.linger(spot, doubt);
    if hand.dice.chance(0.6) {
        let elsewhere = if zone == Zone::Cta { Spot::Zone(Zone::Price) } else { Spot::Zone(Zone::Coupon) };
        hand.point_at(elsewhere);
        let glance = hand.dice.whole(300, 1_200);
        hand.linger(elsewhere, glance);
        hand.point_at(spot);
        let doubt = hand.dice.whole(500, 1_800);
        hand.linger(spot, doubt);
    }
}

/// Scrolls up and down the same stretch, looking for something.
pub(super) fn swing(hand: &mut Hand) {
    let mut down = hand.depth().0 < hand.depth().1 / 2.0;
    let swings = hand.dice.whole(5, 8);
    for _ in 0..swings {
        let distance = hand.dice.real(260.0, 420.0);
        hand.flick(if down { distance } else { -distance });
        let rest = hand.dice.whole(120, 450);
        hand.wait(rest);
        down = !down;
    }
}

/// Looks something up in another tab.
pub(super) fn compare(hand: &mut Hand) {
    hand.exit_over_top();
    let reach_for_tab = hand.dice.whole(200, 600);
    hand.wait(reach_for_tab);
    hand.show(false);
    let away = hand.dice.whole(3_000, 14_000);
    hand.wait(away);
    hand.show(true);
    let back = hand.dice.whole(400, 1_500);
    hand.wait(back);
}

/// Goes for the tabs and thinks better of it.
pub(super) fn feint(hand: &mut Hand) {
    hand.exit_over_top();
    let thought = hand.dice.whole(1_200, 3_500);
    hand.wait(thought);
}

/// Clicks and clicks, and nothing happens.
pub(super) fn rage(hand: &mut Hand) {
    let clicks = hand.dice.whole(4, 8);
    hand.press_in_vain(Spot::Plain);
    for _ in 0..clicks {
        let gap = hand.dice.whole(110, 220);
        hand.wait(gap);
        hand.click(Pressed::Content);
    }
    let waiting = hand.dice.whole(800, 1_800);
    hand.shake(waiting);
}

/// Looks at the choices and takes one.
pub(super) fn choose_variant(hand: &mut Hand) {
    for (group, zone) in [(1, Zone::Variant), (2, Zone::Size)] {
        if hand.dice.chance(0.6) {
            hand.press(Spot::Zone(zone));
            hand.choose(group, 1);
            let look = hand.dice.whole(250, 900);
            hand.wait(look);
        }
    }
}

/// Fills the form of the checkout: field after field.
pub(super) fn fill_form(hand: &mut Hand) {
    let fields = hand.dice.whole(4, 7);
    for _ in 0..fields {
        let field = hand.next_field();
        hand.press(Spot::Plain);
        hand.fill(FieldClass::Address, field, FieldAct::Focus);
        let typing = hand.dice.whole(900, 2_600);
        for _ in 0..3 {
            hand.wait(typing / 3);
            hand.fill(FieldClass::Address, field, FieldAct::Edit);
        }
        hand.fill(FieldClass::Address, field, FieldAct::Blur);
    }
}
