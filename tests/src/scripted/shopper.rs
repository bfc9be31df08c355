//! A shopper who comes into the shop: a window, a hand, consent given on an earlier visit, and what the page is told.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use waver_sim::shopper::{Dice, Stream};

use super::cost::TOLD;
use super::hand::Hand;
use super::run::Stage;
use super::scene::{Scene, Sign};
use crate::devtools::Screen;

/// Something the page was told.
#[derive(Debug, Clone)]
pub struct Told {
    /// Of what.
    pub sign: Sign,
    /// The whole of it.
    pub payload: Value,
}

/// What a shopper's machine is like, and whether the page keeps a diary.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// How many times slower than this machine it is.
    pub slower: u32,
    /// Whether the page marks in the browser's trace when it is told something.
    pub marked: bool,
}

impl Default for Conditions {
    fn default() -> Self {
        Conditions { slower: 1, marked: false }
    }
}

/// A shopper in the shop.
pub struct Shopper {
    /// The hand, over the tab.
    pub hand: Hand,
    told: Vec<Told>,
}

impl Shopper {
    /// Comes in where the scene begins, and has looked about by the time this returns. The same seed and scene give the same movements.
    ///
    /// # Errors
    /// When the page does not come up.
    pub async fn enter(stage: &Stage, scene: &Scene, screen: Screen, seed: u64) -> Result<Shopper> {
        let (shop, conditions) = (&stage.shop, stage.conditions);
        let tab = stage.chromium.tab(screen).await?;
        if conditions.slower > 1 {
            tab.command("Emulation.setCPUThrottlingRate", json!({ "rate": conditions.slower })).await?;
        }
        if conditions.marked {
            tab.before_pages(&MARK.replace("TOLD", TOLD)).await?;
        }
        tab.bind("toldOf").await?;
        tab.before_pages(LISTEN).await?;
        tab.before_pages(&fill_cart(scene.cart)).await?;
        tab.set_cookie(shop, "cc_cookie", CONSENT).await?;
        let number = scene.name.bytes().fold(0, |number: u64, byte| number.wrapping_mul(31) + u64::from(byte)) >> 8;
        let dice = Dice::new(seed, number, Stream::Hand);
        let mut shopper = Shopper { hand: Hand::new(tab, screen, shop.clone(), dice), told: Vec::new() };
        shopper.hand.open(scene.page).await?;
        shopper.hand.rest(900, 1_800).await;
        Ok(shopper)
    }

    /// Everything the page was told so far.
    ///
    /// # Errors
    /// When something of it is not what the contract says.
    pub fn told(&mut self) -> Result<&[Told]> {
        for event in self.hand.tab.events() {
            if event["method"] == "Runtime.bindingCalled" && event["params"]["name"] == "toldOf" {
                let text = event["params"]["payload"].as_str().context("a binding is called with a text")?;
                self.told.push(read(serde_json::from_str(text)?)?);
            }
        }
        Ok(&self.told)
    }
}

/// Waits for the same events as any page may.
const LISTEN: &str = "
    for (const topic of ['hesitation', 'frustration']) {
        addEventListener(`waver:${topic}`, ({ detail }) => toldOf(JSON.stringify([topic, detail])));
    }";

/// Asks to be told as a page does that wants to act on it.
const MARK: &str = "
    addEventListener('DOMContentLoaded', () => {
        for (const topic of ['hesitation', 'frustration', 'intent']) {
            waver('on', topic, () => performance.mark('TOLD'));
        }
    });";

/// What the shop's consent library keeps of a choice of everything.
const CONSENT: &str = "%7B%22categories%22%3A%5B%22necessary%22%2C%22analytics%22%2C%22personalization%22%5D%2C%22revision%22%3A0%2C\
    %22data%22%3Anull%2C%22consentTimestamp%22%3A%222026-01-05T10%3A00%3A00.000Z%22%2C%22consentId%22%3A%220f8fad5b-d9cb-469f-a165-70867728950e%22%2C\
    %22services%22%3A%7B%22necessary%22%3A%5B%5D%2C%22analytics%22%3A%5B%5D%2C%22personalization%22%3A%5B%5D%7D%2C\
    %22languageCode%22%3A%22en%22%2C%22lastConsentTimestamp%22%3A%222026-01-05T10%3A00%3A00.000Z%22%2C%22expirationTime%22%3A4102444800000%7D";

fn fill_cart(lines: usize) -> String {
    let all = [
        json!({ "id": "rook-backpack", "colour": "slate", "quantity": 2 }),
        json!({ "id": "pintail-mug", "colour": "cream", "quantity": 3 }),
        json!({ "id": "tern-tent", "colour": "ochre", "quantity": 1 }),
    ];
    let cart = json!({ "lines": all[..lines.min(all.len())], "coupon": null, "offer": null });
    format!(
        "if (location.protocol === 'http:' && !sessionStorage.getItem('shop-came-in')) {{
            sessionStorage.setItem('shop-came-in', 'yes');
            if ({lines}) localStorage.setItem('shop-cart', JSON.stringify({cart}));
        }}"
    )
}

fn read(mut told: Value) -> Result<Told> {
    let payload = told[1].take();
    let (topic, kind) = (told[0].as_str().unwrap_or_default(), payload["kind"].as_str().unwrap_or_default());
    let sign = Sign::read(topic, kind).with_context(|| format!("told of an unknown {topic}: {payload}"))?;
    if let Sign::Hesitation(_) = sign {
        let share = |name: &str| payload[name].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share));
        let reasons = payload["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty());
        ensure!(share("score") && share("confidence") && reasons, "a hesitation without what belongs to it: {payload}");
    }
    Ok(Told { sign, payload })
}
