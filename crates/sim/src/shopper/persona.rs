use super::dice::Dice;

/// A way of shopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Persona {
    /// Knows what it wants and buys it.
    Decisive,
    /// Looks around without a plan.
    Browsing,
    /// Wants it and does not dare.
    Hesitating,
    /// Wants it for less.
    PriceSensitive,
    /// Is half gone when it comes.
    Leaving,
    /// Meets something that does not work.
    Frustrated,
}

/// What shoppers of a persona tend to do. Chances are 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traits<T = f64> {
    /// Of a hundred shoppers, how many are like this.
    pub share: T,
    /// Products looked at, at least.
    pub products_from: T,
    /// Products looked at, at most.
    pub products_to: T,
    /// Seconds of reading on a product, typically.
    pub reading_s: T,
    /// Chance per product: goes back to one seen before instead of on to a new one.
    pub revisits: T,
    /// Chance per product: dithers over the call to action without pressing it.
    pub dithers: T,
    /// Chance per product: scrolls up and down the same stretch.
    pub swings: T,
    /// Chance per product: looks something up in another tab.
    pub compares: T,
    /// Chance per product: goes for the tabs and comes back.
    pub feints: T,
    /// Chance per product: rage clicks and a shaken pointer.
    pub rages: T,
    /// Chance per product: puts it into the cart.
    pub adds: T,
    /// Chance in the cart: takes something out, and often puts it back.
    pub edits: T,
    /// Chance in the cart: orders.
    pub orders: T,
    /// Chance, when leaving with a mouse: over the top of the window, where the tabs are.
    pub leaves_over_top: T,
    /// Chance that an offer is taken.
    pub takes: T,
    /// Chance that an offer is closed; the rest ignore it.
    pub closes: T,
    /// What a taken offer adds to the chances of filling the cart and of ordering.
    pub lift: T,
}

/// The demo's crowd. It is not fitted to any data: each row says why it is as it is. Chances of ordering are higher than in a real shop
/// (two to four sessions of a hundred), so that the dashboard of a demo shows orders within a minute.
#[rustfmt::skip]
const TABLE: Traits<[f64; 6]> = Traits {
    //               decisive  browsing  hesitating  price-s.  leaving  frustrated
    share:           [18.0,     32.0,     18.0,       14.0,     12.0,    6.0 ], // most who come to a shop only look
    products_from:   [ 1.0,      2.0,      1.0,        2.0,      1.0,    1.0 ],
    products_to:     [ 2.0,      6.0,      3.0,        4.0,      2.0,    3.0 ], // comparing needs alternatives; deciding does not
    reading_s:       [ 5.0,      8.0,     11.0,        9.0,      5.0,    6.0 ], // doubt reads everything, a purpose hardly
    revisits:        [ 0.0,      0.15,     0.45,       0.3,      0.0,    0.1 ],
    dithers:         [ 0.0,      0.04,     0.9,        0.35,     0.15,   0.1 ], // the sign of wanting without daring
    swings:          [ 0.0,      0.06,     0.35,       0.25,     0.1,    0.3 ], // looking for the answer that is not there
    compares:        [ 0.03,     0.1,      0.2,        0.6,      0.1,    0.1 ], // the price next door
    feints:          [ 0.0,      0.04,     0.1,        0.2,      0.6,    0.2 ],
    rages:           [ 0.0,      0.0,      0.0,        0.0,      0.0,    0.8 ],
    adds:            [ 0.85,     0.1,      0.4,        0.45,     0.1,    0.3 ],
    edits:           [ 0.03,     0.15,     0.45,       0.5,      0.1,    0.2 ], // the total is what hurts
    orders:          [ 0.75,     0.15,     0.25,       0.2,      0.1,    0.1 ],
    leaves_over_top: [ 0.2,      0.45,     0.6,        0.6,      0.95,   0.8 ], // the others close by keyboard or just stop
    takes:           [ 0.4,      0.2,      0.5,        0.75,     0.3,    0.25],
    closes:          [ 0.4,      0.3,      0.2,        0.1,      0.3,    0.6 ],
    lift:            [ 0.1,      0.15,     0.4,        0.5,      0.35,   0.15], // money answers a price best, doubt well, anger hardly
};

impl Persona {
    /// Every persona, in the order of the table.
    pub const ALL: [Persona; 6] = [
        Persona::Decisive,
        Persona::Browsing,
        Persona::Hesitating,
        Persona::PriceSensitive,
        Persona::Leaving,
        Persona::Frustrated,
    ];

    /// What shoppers like this tend to do.
    pub fn traits(self) -> Traits {
        let of = |row: [f64; 6]| row[self as usize];
        Traits {
            share: of(TABLE.share),
            products_from: of(TABLE.products_from),
            products_to: of(TABLE.products_to),
            reading_s: of(TABLE.reading_s),
            revisits: of(TABLE.revisits),
            dithers: of(TABLE.dithers),
            swings: of(TABLE.swings),
            compares: of(TABLE.compares),
            feints: of(TABLE.feints),
            rages: of(TABLE.rages),
            adds: of(TABLE.adds),
            edits: of(TABLE.edits),
            orders: of(TABLE.orders),
            leaves_over_top: of(TABLE.leaves_over_top),
            takes: of(TABLE.takes),
            closes: of(TABLE.closes),
            lift: of(TABLE.lift),
        }
    }

    /// One at random, as often as its share says.
    pub fn draw(dice: &mut Dice) -> Persona {
        Persona::ALL[dice.weighted(&TABLE.share)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_of_a_hundred_and_the_chances_are_chances() {
        assert_eq!(TABLE.share.iter().sum::<f64>(), 100.0);
        for persona in Persona::ALL {
            let traits = persona.traits();
            let chances = [
                traits.revisits,
                traits.dithers,
                traits.swings,
                traits.compares,
                traits.feints,
                traits.rages,
                traits.adds,
                traits.edits,
                traits.orders,
                traits.leaves_over_top,
                traits.takes + traits.closes,
                traits.lift,
            ];
            assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)), "{persona:?} {chances:?}");
            assert!(traits.products_from >= 1.0 && traits.products_from <= traits.products_to, "{persona:?}");
        }
    }
}
