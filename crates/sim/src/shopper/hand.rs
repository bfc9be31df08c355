//! How a shopper's hand moves over a page, and what the sensors see of it. The way of a single movement is in [`super::reach`].

use std::collections::VecDeque;

use waver_core::{Edge, FieldAct, FieldClass, PointerType, Press, Pressed, PressedBy, Signal, SignalKind};
use waver_schema::{CommerceAction, DeviceClass, ItemRef, Navigation, OfferAction, OrderRef, PageType, Referrer, Zone};

use super::dice::Dice;
use super::reach::{OVERSHOOTS, minimum_jerk, reach};
use super::screen::{Screen, Spot};
use super::script::Beat;
use super::storefront::currency;

/// Sampling of the pointer that sensors and browsers leave: each frame, every other one, every fourth, and a slow machine.
const SAMPLE_MS: [u64; 4] = [16, 33, 66, 110];
/// How often each of these is met.
const SAMPLE_WEIGHTS: [f64; 4] = [0.2, 0.4, 0.3, 0.1];
/// How soon a page that works answers a click.
const ANSWER_MS: u64 = 40;
/// Pixels of one turn of the wheel or flick of the finger.
const FLICK_PX: (f64, f64) = (220.0, 480.0);

/// The hand, the screen before it, and what the sensors have seen and nobody has taken yet.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) t: u64,
    pub(super) device: DeviceClass,
    pub(super) beats: VecDeque<Beat>,
    pub(super) dice: Dice,
    screen: Screen,
    sample_ms: u64,
    scroll: f64,
    x: f64,
    y: f64,
    over: Option<Zone>,
    fields: u32,
}

impl Hand {
    pub(super) fn new(device: DeviceClass, mut dice: Dice) -> Hand {
        let screen = Screen::of(PageType::Other, device);
        let sample_ms = SAMPLE_MS[dice.weighted(&SAMPLE_WEIGHTS)];
        let (x, y) = (dice.real(0.2, 0.8) * screen.width, dice.real(0.2, 0.8) * screen.height);
        Hand { t: 0, device, beats: VecDeque::new(), dice, screen, sample_ms, scroll: 0.0, x, y, over: None, fields: 0 }
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.t += ms;
    }

    /// A page comes up.
    pub(super) fn open(&mut self, page: PageType, referrer: Referrer, item: Option<ItemRef>) {
        self.screen = Screen::of(page, self.device);
        self.scroll = 0.0;
        self.over = None;
        let (navigation, device) = (Navigation::Load, self.device);
        self.see(SignalKind::View { page, navigation, referrer, device, item });
    }

    /// The number of a field that was not met before.
    pub(super) fn next_field(&mut self) -> u32 {
        self.fields += 1;
        self.fields
    }

    /// Something happens to a field of a form.
    pub(super) fn fill(&mut self, class: FieldClass, field: u32, act: FieldAct) {
        self.see(SignalKind::Field { class, field, act });
    }

    /// An option of the product is chosen.
    pub(super) fn choose(&mut self, group: u32, choice: u32) {
        self.see(SignalKind::Variant { group, choice });
    }

    /// The page tells its data layer.
    pub(super) fn tell(
        &mut self,
        action: CommerceAction,
        item: Option<ItemRef>,
        quantity: u32,
        value_minor: impl Into<Option<u32>>,
    ) {
        let (value_minor, currency) = (value_minor.into(), currency());
        self.see(SignalKind::Commerce { action, item, quantity, value_minor, currency, order: None });
    }

    /// The page tells its data layer of an order.
    pub(super) fn tell_order(&mut self, quantity: u32, value_minor: u32, order: OrderRef) {
        let (action, value_minor, order) = (CommerceAction::Purchase, Some(value_minor), Some(order));
        self.see(SignalKind::Commerce { action, item: None, quantity, value_minor, currency: currency(), order });
    }

    /// The shopper has answered an offer.
    pub(super) fn answer(&mut self, action: OfferAction) {
        self.beats.push_back(Beat::Offer { t: self.t, action });
    }

    /// Scrolls until the page stands near `y`, in flicks with short rests between.
    pub(super) fn scroll_to(&mut self, y: f64) {
        let goal = y.clamp(0.0, self.screen.range());
        while (goal - self.scroll).abs() >= 1.0 {
            let flick = self.dice.real(FLICK_PX.0, FLICK_PX.1);
            let distance = (goal - self.scroll).clamp(-flick, flick);
            self.flick(distance);
            let rest = self.dice.whole(60, 240);
            self.wait(rest);
        }
    }

    /// One turn of the wheel or flick of the finger.
    pub(super) fn flick(&mut self, distance: f64) {
        let start = self.scroll;
        let goal = (start + distance).clamp(0.0, self.screen.range());
        let duration = self.dice.real(200.0, 380.0);
        let frame = self.sample_ms.max(16);
        let frames = (duration / frame as f64).ceil().max(1.0) as u64;
        if self.device == DeviceClass::Touch {
            let (x, y) = ((self.screen.width / 2.0) as i32, (self.screen.height / 2.0) as i32);
            self.see(SignalKind::Touch { down: true, x, y });
            self.see(SignalKind::Touch { down: false, x, y });
        }
        for n in 1..=frames {
            self.wait(frame);
            self.scroll = start + (goal - start) * minimum_jerk(n as f64 / frames as f64);
            self.see(SignalKind::Scroll { y: self.scroll.round() as i32, range: self.screen.range() as i32 });
        }
        self.cross();
    }

    /// How far down the page stands, and how far it can go.
    pub(super) fn depth(&self) -> (f64, f64) {
        (self.scroll, self.screen.range())
    }

    /// Scrolls, if needed, until `spot` is on the screen.
    pub(super) fn bring_up(&mut self, spot: Spot) {
        let rect = self.screen.find(spot);
        let visible = rect.y >= self.scroll + 10.0 && rect.y + rect.height <= self.scroll + self.screen.height - 10.0;
        if !visible {
            let share = self.dice.real(0.35, 0.6);
            self.scroll_to(rect.y + rect.height / 2.0 - self.screen.height * share);
        }
    }

    /// Brings `spot` up and points at it. A finger does not hover, so on a touch screen only the first.
    pub(super) fn point_at(&mut self, spot: Spot) {
        self.bring_up(spot);
        if self.device == DeviceClass::Touch {
            return;
        }
        let (x, y, width) = self.somewhere_in(spot);
        self.reach(x, y, width);
        if self.dice.chance(OVERSHOOTS) {
            let (x, y) = (x + self.dice.deviation(width * 0.1), y + self.dice.deviation(3.0));
            self.reach(x, y, width);
        }
    }

    /// Moves about within `spot` for about so long. On a touch screen the shopper only looks.
    pub(super) fn linger(&mut self, spot: Spot, ms: u64) {
        let until = self.t + ms;
        while self.t < until {
            if self.device == DeviceClass::Mouse {
                let (x, y, width) = self.somewhere_in(spot);
                self.reach(x, y, width);
            }
            let rest = self.dice.whole(80, 420).min(until.saturating_sub(self.t));
            self.wait(rest);
        }
    }

    /// Brings `spot` up, points at it and presses. The page answers, as pages that work do.
    pub(super) fn press(&mut self, spot: Spot) {
        self.press_in_vain(spot);
        self.wait(ANSWER_MS);
        self.see(SignalKind::Response);
    }

    /// The same, and nothing happens.
    pub(super) fn press_in_vain(&mut self, spot: Spot) {
        self.point_at(spot);
        // Between arrival and press the eye confirms and the finger goes down.
        let press = self.dice.whole(70, 260);
        self.wait(press);
        let on = if spot == Spot::Plain { Pressed::Content } else { Pressed::Control };
        if self.device == DeviceClass::Touch {
            self.tap(spot, on);
        } else {
            self.click(on);
        }
    }

    /// Clicks where the pointer is.
    pub(super) fn click(&mut self, on: Pressed) {
        let (x, y) = (self.x as i32, self.y as i32);
        let by = if self.device == DeviceClass::Touch { PressedBy::Touch } else { PressedBy::Mouse };
        let press = Press { by, x, y, target: 0, on, watched: true };
        self.see(SignalKind::Click { zone: self.over, press });
    }

    fn tap(&mut self, spot: Spot, on: Pressed) {
        let pointer = PointerType::Touch;
        let (x, y, _) = self.somewhere_in(spot);
        let zone = self.screen.zone_at(x, y + self.scroll);
        if let Some(zone) = zone {
            self.see(SignalKind::ZoneEnter { zone, pointer });
        }
        let (x, y) = (x as i32, y as i32);
        self.see(SignalKind::Pointer { x, y, pointer });
        self.see(SignalKind::Touch { down: true, x, y });
        self.wait(60);
        self.see(SignalKind::Touch { down: false, x, y });
        let press = Press { by: PressedBy::Touch, x, y, target: 0, on, watched: true };
        self.see(SignalKind::Click { zone, press });
        if let Some(zone) = zone {
            self.see(SignalKind::ZoneLeave { zone });
        }
    }

    /// Takes the pointer out over the top of the window at the speed of someone who goes for the tabs. A finger cannot.
    pub(super) fn exit_over_top(&mut self) {
        if self.device == DeviceClass::Touch {
            return;
        }
        let px_per_ms = self.dice.real(0.9, 2.2);
        let (start_y, drift) = (self.y, self.dice.deviation(60.0));
        let duration = (start_y / px_per_ms).max(1.0);
        let (start_x, samples) = (self.x, (duration / self.sample_ms as f64).floor() as u64);
        for n in 1..=samples {
            let share = (n * self.sample_ms) as f64 / duration;
            self.wait(self.sample_ms);
            // The hand is still gathering speed when it passes the edge.
            self.place(start_x + drift * share, start_y * (1.0 - libm::pow(share, 1.2)));
        }
        self.wait(self.sample_ms / 2);
        self.leave_zone();
        self.y = 0.0;
        self.see(SignalKind::PointerExit { edge: Edge::Top });
    }

    /// Shakes the pointer to and fro, as people do whom a page leaves waiting.
    pub(super) fn shake(&mut self, ms: u64) {
        let until = self.t + ms;
        let mut side = 1.0;
        while self.device == DeviceClass::Mouse && self.t < until {
            let (x, y) = (self.x + side * self.dice.real(180.0, 420.0), self.y + self.dice.deviation(40.0));
            self.reach(x, y, 400.0);
            side = -side;
        }
    }

    /// Another tab, another app, a locked screen; or back.
    pub(super) fn show(&mut self, visible: bool) {
        if !visible {
            self.leave_zone();
        }
        self.see(SignalKind::Visibility { visible });
    }

    /// A point of `spot` in the viewport, nearer to its middle than to its edges, and the narrower side of the spot.
    fn somewhere_in(&mut self, spot: Spot) -> (f64, f64, f64) {
        let rect = self.screen.find(spot);
        let x = rect.x + rect.width * self.dice.real(0.2, 0.8);
        let y = rect.y + rect.height * self.dice.real(0.25, 0.75) - self.scroll;
        (x, y, rect.width.min(rect.height))
    }

    fn reach(&mut self, x: f64, y: f64, width: f64) {
        for (x, y) in reach(&mut self.dice, (self.x, self.y), (x, y), width, self.sample_ms) {
            self.wait(self.sample_ms);
            self.place(x, y);
        }
    }

    fn place(&mut self, x: f64, y: f64) {
        self.x = x.clamp(0.0, self.screen.width - 1.0);
        self.y = y.clamp(0.0, self.screen.height - 1.0);
        self.see(SignalKind::Pointer { x: self.x as i32, y: self.y as i32, pointer: PointerType::Mouse });
        self.cross();
    }

    /// The pointer may be over something else than before.
    fn cross(&mut self) {
        if self.device == DeviceClass::Touch {
            return;
        }
        let under = self.screen.zone_at(self.x, self.y + self.scroll);
        if under == self.over {
            return;
        }
        self.leave_zone();
        if let Some(zone) = under {
            self.see(SignalKind::ZoneEnter { zone, pointer: PointerType::Mouse });
        }
        self.over = under;
    }

    fn leave_zone(&mut self) {
        if let Some(zone) = self.over.take() {
            self.see(SignalKind::ZoneLeave { zone });
        }
    }

    fn see(&mut self, kind: SignalKind) {
        self.beats.push_back(Beat::Signal(Signal { t: self.t, kind }));
    }
}
