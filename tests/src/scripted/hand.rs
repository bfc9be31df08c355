//! The hand of a shopper before a real browser: trusted input by DevTools, at the pace and on the ways of `waver_sim`'s hands.
//!
//! It sleeps between its movements, since a shopper's tempo is what is being tried out here; nothing is waited for that way.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use waver_sim::shopper::{Dice, OVERSHOOTS, minimum_jerk, reach};

use crate::devtools::{Screen, Tab};

/// Milliseconds between two reports of the mouse.
const MOUSE_MS: u64 = 16;
/// Pixels of one turn of the wheel, and of one flick of the finger.
const FLICK_PX: (f64, f64) = (220.0, 420.0);

/// A rectangle of the viewport, CSS pixels.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// A shopper's hand over one tab.
pub struct Hand {
    /// Where it is at work.
    pub tab: Tab,
    /// What it has.
    pub screen: Screen,
    /// Its chance.
    pub dice: Dice,
    shop: String,
    at: (f64, f64),
}

impl Hand {
    /// A hand that rests somewhere over the page. `shop` is the shop's origin.
    pub fn new(tab: Tab, screen: Screen, shop: String, mut dice: Dice) -> Hand {
        let (width, height) = size(screen);
        let at = (dice.real(0.2, 0.8) * width, dice.real(0.3, 0.8) * height);
        Hand { tab, screen, dice, shop, at }
    }

    /// Does nothing for so many milliseconds, all lengths equally likely.
    pub async fn rest(&mut self, from: u64, to: u64) {
        let ms = self.dice.whole(from, to);
        sleep(Duration::from_millis(ms)).await;
    }

    /// Opens a page of the shop by its address, and waits until the module is at work there.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn open(&mut self, page: &str) -> Result<()> {
        self.tab.goto(&format!("{}/{page}", self.shop)).await?;
        self.arrive(page).await
    }

    /// Waits until the page at that address has loaded and the module is at work there.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn arrive(&mut self, page: &str) -> Result<()> {
        let here = json!(format!("{}/{page}", self.shop));
        let ready = format!(
            "location.href === {here} && document.readyState === 'complete' && !!window.waver?.started
             && waver('consent').then(({{ measure }}) => measure.state === 'granted')"
        );
        if let Err(error) = self.tab.until(&format!("the module on {page}"), &ready).await {
            let here = self.tab.evaluate("location.href + ' is ' + document.readyState").await;
            return Err(error.context(format!("the browser is at {here:?}")));
        }
        Ok(())
    }

    /// Where the first element is that the selector finds, and that has a size.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn find(&self, selector: &str) -> Result<Place> {
        let find = format!(
            "(async () => {{
                const place = () => {{
                    for (const element of document.querySelectorAll({})) {{
                        const {{ x, y, width, height }} = element.getBoundingClientRect();
                        if (width && height) return {{ x, y, width, height }};
                    }}
                }};
                // Pages run on after a push, and a hand goes for where things come to rest.
                for (let [still, last] = [0, '']; still < 3;) {{
                    await new Promise(requestAnimationFrame);
                    const now = JSON.stringify(place() ?? null);
                    still = now === last ? still + 1 : 0;
                    last = now;
                }}
                return place();
            }})()",
            json!(selector)
        );
        let found = self.tab.until(selector, &find).await?;
        let side = |name: &str| found[name].as_f64().with_context(|| format!("{selector} has {name}"));
        Ok(Place { x: side("x")?, y: side("y")?, width: side("width")?, height: side("height")? })
    }

    /// Scrolls by hand until the element is well within the window.
    ///
    /// # Errors
    /// When there is no such element, or the page does not scroll there.
    pub async fn bring_up(&mut self, selector: &str) -> Result<Place> {
        let height = size(self.screen).1;
        let mut last = None;
        for _ in 0..20 {
            let place = self.find(selector).await?;
            let middle = place.y + place.height.min(height) / 2.0;
            // At its ends a page does not scroll any further.
            let stuck = last.replace(place.y) == Some(place.y) && (2.0..height - 2.0).contains(&middle);
            if stuck || (height * 0.12..height * 0.88).contains(&middle) {
                return Ok(place);
            }
            let share = self.dice.real(0.35, 0.6);
            let most = self.dice.real(FLICK_PX.0, FLICK_PX.1) * 1.6;
            self.scroll((middle - height * share).clamp(-most, most)).await?;
        }
        anyhow::bail!("{selector} cannot be scrolled to")
    }

    /// Scrolls the page down by about so many pixels in one turn of the wheel or drag of the finger; up, if below zero.
    ///
    /// # Errors
    /// When the browser ends.
    pub async fn scroll(&mut self, distance: f64) -> Result<()> {
        match self.screen {
            Screen::Desktop => {
                let duration = self.dice.real(180.0, 320.0);
                let steps = (duration / MOUSE_MS as f64).ceil();
                let mut done = 0.0;
                let began = Instant::now();
                for n in 1..=steps as u64 {
                    let goal = distance * minimum_jerk(n as f64 / steps);
                    self.mouse("mouseWheel", json!({ "deltaX": 0, "deltaY": goal - done }));
                    done = goal;
                    sleep_until(began + Duration::from_millis(n * MOUSE_MS)).await;
                }
                self.settle().await
            }
            Screen::Phone => self.swipe(distance, None).await,
        }
    }

    /// Drags the page by `distance` and, if `px_per_ms` is given, lets go at that speed, so that it runs on. A slow finger ends at rest.
    async fn swipe(&mut self, distance: f64, px_per_ms: Option<f64>) -> Result<()> {
        let (width, height) = size(self.screen);
        let x = width * self.dice.real(0.55, 0.8);
        // Fingers move up to scroll down, and have room on the glass for that.
        let reach = distance.clamp(-height * 0.6, height * 0.6);
        let from = height * 0.5 + reach / 2.0;
        let duration = px_per_ms.map_or_else(|| self.dice.real(260.0, 420.0), |speed| (reach / speed).abs().max(60.0));
        let steps = (duration / MOUSE_MS as f64).ceil().max(3.0) as u64;
        self.touch("touchStart", Some((x, from)));
        let began = Instant::now();
        for n in 1..=steps {
            let share = n as f64 / steps as f64;
            let gone = if px_per_ms.is_some() { share } else { minimum_jerk(share) };
            let tremor = self.dice.deviation(0.7);
            self.touch("touchMove", Some((x + tremor, from - reach * gone)));
            sleep_until(began + Duration::from_millis(n * MOUSE_MS)).await;
        }
        if px_per_ms.is_none() {
            // A finger that rests before it leaves does not throw the page.
            let rest = self.dice.whole(60, 110);
            sleep(Duration::from_millis(rest)).await;
            self.touch("touchMove", Some((x, from - reach)));
        }
        self.touch("touchEnd", None);
        self.settle().await
    }

    /// Throws the page to its top with a quick finger, and once more if it does not get there.
    ///
    /// # Errors
    /// When the browser ends, or the page does not get there.
    pub async fn throw_to_top(&mut self) -> Result<()> {
        for _ in 0..6 {
            let (distance, speed) = (self.dice.real(300.0, 440.0), self.dice.real(2.2, 3.4));
            self.swipe(-distance, Some(speed)).await?;
            self.find("body").await?;
            if self.tab.evaluate("scrollY < 100").await? == true {
                return Ok(());
            }
        }
        anyhow::bail!("the page does not get to its top")
    }

    /// Brings the element up and points at it. A finger does not point, so with fingers only the first.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn point_at(&mut self, selector: &str) -> Result<()> {
        let place = self.bring_up(selector).await?;
        if self.screen == Screen::Desktop {
            self.reach_for(place).await?;
            if self.dice.chance(OVERSHOOTS) {
                self.reach_for(place).await?;
            }
        }
        Ok(())
    }

    /// Moves about over the element for about so long, with short rests. Fingers leave the glass alone.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn linger(&mut self, selector: &str, ms: u64) -> Result<()> {
        let place = self.bring_up(selector).await?;
        let until = Instant::now() + Duration::from_millis(ms);
        while Instant::now() < until {
            if self.screen == Screen::Desktop {
                self.reach_for(place).await?;
            }
            let rest = self.dice.whole(80, 420);
            sleep_until(until.min(Instant::now() + Duration::from_millis(rest))).await;
        }
        Ok(())
    }

    /// Brings the element up, goes there and presses.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn press(&mut self, selector: &str) -> Result<()> {
        self.point_at(selector).await?;
        // Between arrival and press the eye confirms and the finger goes down.
        self.rest(70, 260).await;
        if self.screen == Screen::Phone {
            let place = self.find(selector).await?;
            self.at = self.somewhere_in(place);
        }
        self.sees(selector).await?;
        self.click(1).await
    }

    /// Waits until what is under the hand is the element, or a part of it: notices come and go.
    async fn sees(&self, selector: &str) -> Result<()> {
        let (x, y) = self.at;
        let under = format!("document.elementFromPoint({x}, {y})");
        let sees = format!("!!{under}?.closest({})", json!(selector));
        if let Err(error) = self.tab.until(&format!("{selector} to be under the hand"), &sees).await {
            let other = self.tab.evaluate(&format!("{under}?.outerHTML.slice(0, 90)")).await?;
            return Err(error.context(format!("{other} is at {x:.0}, {y:.0} instead")));
        }
        Ok(())
    }

    /// Presses where the hand is; `count` is 2 or 3 for the second and third press of a double or triple click.
    ///
    /// # Errors
    /// When the browser ends.
    pub async fn click(&mut self, count: u32) -> Result<()> {
        let down = self.dice.whole(45, 110);
        if self.screen == Screen::Desktop {
            self.mouse("mousePressed", json!({ "button": "left", "buttons": 1, "clickCount": count }));
            sleep(Duration::from_millis(down)).await;
            self.mouse("mouseReleased", json!({ "button": "left", "clickCount": count }));
        } else {
            self.touch("touchStart", Some(self.at));
            sleep(Duration::from_millis(down)).await;
            self.touch("touchEnd", None);
        }
        self.settle().await
    }

    /// Presses `clicks` times at one spot, as quickly as an angry hand does; the spot wanders by a few pixels.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn hammer(&mut self, selector: &str, clicks: u64) -> Result<()> {
        self.press(selector).await?;
        for _ in 1..clicks {
            self.rest(40, 130).await;
            self.at = (self.at.0 + self.dice.deviation(1.5), self.at.1 + self.dice.deviation(1.5));
            self.click(1).await?;
        }
        Ok(())
    }

    /// Marks a paragraph as people do who read along or copy: presses three times.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn select_paragraph(&mut self, selector: &str) -> Result<()> {
        self.press(selector).await?;
        for count in 2..=3 {
            self.rest(40, 110).await;
            self.click(count).await?;
        }
        Ok(())
    }

    /// Marks a part of the element's text by drawing the mouse over it.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn draw_over(&mut self, selector: &str) -> Result<()> {
        let place = self.bring_up(selector).await?;
        let y = place.y + place.height.min(28.0) / 2.0;
        self.reach_to((place.x + 2.0, y), 8.0).await?;
        self.mouse("mousePressed", json!({ "button": "left", "buttons": 1, "clickCount": 1 }));
        let end = place.x + place.width.min(160.0) * 0.8;
        let way = reach(&mut self.dice, self.at, (end, y), 20.0, MOUSE_MS);
        self.follow(way, 1).await;
        self.mouse("mouseReleased", json!({ "button": "left", "clickCount": 1 }));
        self.settle().await
    }

    /// Shakes the mouse to and fro.
    ///
    /// # Errors
    /// When the browser ends.
    pub async fn shake(&mut self, ms: u64) -> Result<()> {
        let until = Instant::now() + Duration::from_millis(ms);
        let middle = self.at;
        let mut side = 1.0;
        while Instant::now() < until {
            let to = (middle.0 + side * self.dice.real(90.0, 220.0), middle.1 + self.dice.deviation(30.0));
            let way = reach(&mut self.dice, self.at, to, 250.0, MOUSE_MS);
            self.follow(way, 0).await;
            side = -side;
        }
        self.settle().await
    }

    /// Takes the pointer out over the top of the window at that speed.
    ///
    /// # Errors
    /// When the browser ends.
    pub async fn leave_over_top(&mut self, px_per_ms: f64) -> Result<()> {
        let (x, y) = self.at;
        let drift = self.dice.deviation(60.0);
        self.leave((x + drift, -12.0), (y + 12.0) / px_per_ms).await
    }

    /// Takes the pointer out over a side of the window.
    ///
    /// # Errors
    /// When the browser ends.
    pub async fn leave_over_side(&mut self, px_per_ms: f64) -> Result<()> {
        let (x, y) = self.at;
        let y = (y + self.dice.deviation(40.0)).clamp(80.0, 700.0);
        self.leave((-12.0, y), (x + 12.0) / px_per_ms).await
    }

    async fn leave(&mut self, to: (f64, f64), duration_ms: f64) -> Result<()> {
        let (from, steps) = (self.at, (duration_ms / MOUSE_MS as f64).ceil().max(2.0));
        // The hand is still gathering speed when it passes the edge.
        let share = |n: u64| (n as f64 / steps).powf(1.2);
        let way = (1..=steps as u64)
            .map(|n| (from.0 + (to.0 - from.0) * share(n), from.1 + (to.1 - from.1) * share(n)))
            .collect();
        self.follow(way, 0).await;
        self.settle().await
    }

    /// Looks at something in another tab, or another app, for that long.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub async fn look_elsewhere(&mut self, from: u64, to: u64) -> Result<()> {
        let cover = self.tab.cover().await?;
        self.rest(from, to).await;
        self.tab.uncover(cover).await
    }

    /// Presses a key, by its name in the specification of UI events: `Tab`, `Enter`, `PageDown`, `a`.
    ///
    /// # Errors
    /// When the browser ends.
    pub async fn key(&mut self, key: &str) -> Result<()> {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            " " => (32, " "),
            "PageUp" => (33, ""),
            "PageDown" => (34, ""),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowUp" => (38, ""),
            "ArrowDown" => (40, ""),
            "Backspace" => (8, ""),
            one => (one.to_ascii_uppercase().bytes().next().map_or(0, i32::from), one),
        };
        let mut down = json!({ "type": "rawKeyDown", "key": key, "windowsVirtualKeyCode": code });
        if !text.is_empty() {
            down["type"] = json!("keyDown");
            down["text"] = json!(text);
        }
        drop(self.tab.give("Input.dispatchKeyEvent", down));
        self.rest(35, 85).await;
        let up = json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code });
        self.tab.command("Input.dispatchKeyEvent", up).await.map(drop)
    }

    /// Types into the field that has the focus, with the gaps of a practised typist.
    ///
    /// # Errors
    /// When the browser ends.
    pub async fn type_text(&mut self, text: &str) -> Result<()> {
        for letter in text.chars() {
            self.key(&letter.to_string()).await?;
            self.rest(30, 150).await;
        }
        Ok(())
    }

    /// Goes into a field and types.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn fill(&mut self, selector: &str, text: &str) -> Result<()> {
        self.press(selector).await?;
        self.rest(200, 600).await;
        self.type_text(text).await
    }

    /// Takes out `letters` letters again.
    ///
    /// # Errors
    /// When the browser ends.
    pub async fn erase(&mut self, letters: usize) -> Result<()> {
        for _ in 0..letters {
            self.key("Backspace").await?;
            self.rest(20, 70).await;
        }
        Ok(())
    }

    async fn reach_for(&mut self, place: Place) -> Result<()> {
        let to = self.somewhere_in(place);
        self.reach_to(to, place.width.min(place.height)).await
    }

    async fn reach_to(&mut self, to: (f64, f64), width: f64) -> Result<()> {
        let way = reach(&mut self.dice, self.at, to, width, MOUSE_MS);
        self.follow(way, 0).await;
        self.settle().await
    }

    async fn follow(&mut self, way: Vec<(f64, f64)>, buttons: u32) {
        let began = Instant::now();
        for (n, at) in way.into_iter().enumerate() {
            sleep_until(began + Duration::from_millis((n as u64 + 1) * MOUSE_MS)).await;
            self.at = at;
            self.mouse("mouseMoved", json!({ "buttons": buttons }));
        }
    }

    /// A point nearer to the middle of a place than to its edges.
    fn somewhere_in(&mut self, place: Place) -> (f64, f64) {
        let (x, y) = (self.dice.real(0.25, 0.75), self.dice.real(0.25, 0.75));
        let height = size(self.screen).1;
        (place.x + place.width * x, (place.y + place.height * y).clamp(4.0, height - 4.0))
    }

    fn mouse(&self, kind: &str, mut event: Value) {
        event["type"] = json!(kind);
        event["x"] = json!(self.at.0);
        event["y"] = json!(self.at.1);
        drop(self.tab.give("Input.dispatchMouseEvent", event));
    }

    fn touch(&self, kind: &str, at: Option<(f64, f64)>) {
        let points: Vec<Value> = at.iter().map(|(x, y)| json!({ "x": x, "y": y })).collect();
        drop(self.tab.give("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": points })));
    }

    /// Waits until the page has taken all input that was given so far.
    async fn settle(&self) -> Result<()> {
        self.tab.evaluate("new Promise((done) => requestAnimationFrame(() => done(true)))").await.map(drop).or_else(
            |error| {
                // What was pressed may have led to another page.
                let text = format!("{error:#}");
                let gone = ["navigated", "destroyed", "Cannot find context"].iter().any(|sign| text.contains(sign));
                if gone { Ok(()) } else { Err(error) }
            },
        )
    }
}

fn size(screen: Screen) -> (f64, f64) {
    match screen {
        Screen::Desktop => (1280.0, 810.0),
        Screen::Phone => (390.0, 844.0),
    }
}
