use waver_schema::Milli;

use super::facts::SessionHistory;

/// From here on, in thousandths, nothing of monetary value is offered.
pub const FARMED_MILLI: u16 = 500;

/// How much speaks for a shopper who has learned to trigger offers, 0..=1.
///
/// Three signs, each of them innocent for some time. What goes beyond adds up as independent evidence does (noisy-or, Pearl 1988,
/// section 4.3.2): one minus the product of what each leaves open.
///
/// | sign | innocent | each further one leaves open |
/// |---|---|---|
/// | something is put into the cart and taken out again | 3 times in a session | 0.75 |
/// | an offer is closed unused | 1 in a session | 0.70 |
/// | an offer was made to this browser, where the site remembers that | 4 | 0.85 |
///
/// The numbers are a judgement, made so that no sign alone reaches [`FARMED_MILLI`] below twice its innocent measure; nobody has labelled data.
/// It only ever lowers what is offered, and by counts alone: nothing about the shopper is inferred from it, and nothing of it is kept.
pub fn farming(history: &SessionHistory, to_visitor: usize) -> Milli {
    let beyond = |times: u32, innocent: u32| times.saturating_sub(innocent).min(64);
    let turned = history.cart_adds.min(history.cart_removes);
    let offered = u32::try_from(to_visitor).unwrap_or(u32::MAX);
    let signs = [(beyond(turned, 3), 0.75), (beyond(history.dismissed, 1), 0.70), (beyond(offered, 4), 0.85)];
    // Multiplied one by one: the same bits on every platform.
    let open = signs.iter().flat_map(|(times, each)| (0..*times).map(move |_| each)).product::<f64>();
    Milli::from_unit(1.0 - open)
}
