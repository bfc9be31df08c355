//! Where things are: the demo storefront's pages as rectangles, rounded from its style sheets at 1280 and 390 CSS pixels of width.

use waver_schema::{DeviceClass, PageType, Zone};

/// A rectangle of the page, in CSS pixels from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn contains(&self, x: f64, y: f64) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }
}

/// Something on a page that a hand may go for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// An element that is marked as a zone.
    Zone(Zone),
    /// The place of an offer.
    Slot,
    /// Something without a mark: a card, a link, a field, a remove button.
    Plain,
}

/// What of a page a shopper sees and reaches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    /// Of the viewport.
    pub(super) width: f64,
    /// Of the viewport.
    pub(super) height: f64,
    /// Of the page.
    length: f64,
    spots: &'static [(Spot, Rect)],
}

impl Screen {
    /// A kind of page on a kind of device.
    pub(super) fn of(page: PageType, device: DeviceClass) -> Screen {
        let (width, height) = match device {
            DeviceClass::Mouse => (1280.0, 720.0),
            DeviceClass::Touch => (390.0, 700.0),
        };
        let (length, spots): (f64, &[(Spot, Rect)]) = match (page, device) {
            (PageType::Product, DeviceClass::Mouse) => (2400.0, PRODUCT_WIDE),
            (PageType::Product, DeviceClass::Touch) => (3600.0, PRODUCT_NARROW),
            (PageType::Cart, DeviceClass::Mouse) => (1100.0, CART_WIDE),
            (PageType::Cart, DeviceClass::Touch) => (1500.0, CART_NARROW),
            (PageType::Checkout, DeviceClass::Mouse) => (1500.0, CHECKOUT_WIDE),
            (PageType::Checkout, DeviceClass::Touch) => (2100.0, CHECKOUT_NARROW),
            (PageType::Home | PageType::List, DeviceClass::Mouse) => (2600.0, CARDS_WIDE),
            (PageType::Home | PageType::List, DeviceClass::Touch) => (4400.0, CARDS_NARROW),
            _ => (height, &[]),
        };
        Screen { width, height, length, spots }
    }

    /// Pixels that can be scrolled in all.
    pub(super) fn range(&self) -> f64 {
        (self.length - self.height).max(0.0)
    }

    /// Where `spot` is; of several the first. A page without it has a place for it in its middle.
    pub(super) fn find(&self, spot: Spot) -> Rect {
        let middle = Rect { x: self.width * 0.3, y: self.height * 0.4, width: self.width * 0.4, height: 60.0 };
        self.spots.iter().find(|(known, _)| *known == spot).map_or(middle, |(_, rect)| *rect)
    }

    /// The zone at a point of the page.
    pub(super) fn zone_at(&self, x: f64, y: f64) -> Option<Zone> {
        self.spots.iter().find_map(|(spot, rect)| match spot {
            Spot::Zone(zone) if rect.contains(x, y) => Some(*zone),
            _ => None,
        })
    }
}

const fn at(x: f64, y: f64, width: f64, height: f64) -> Rect {
    Rect { x, y, width, height }
}

const PRODUCT_WIDE: &[(Spot, Rect)] = &[
    (Spot::Zone(Zone::Price), at(740.0, 240.0, 180.0, 36.0)),
    (Spot::Zone(Zone::Variant), at(740.0, 345.0, 450.0, 70.0)),
    (Spot::Zone(Zone::Size), at(740.0, 435.0, 450.0, 75.0)),
    (Spot::Zone(Zone::Quantity), at(740.0, 530.0, 140.0, 48.0)),
    (Spot::Zone(Zone::Cta), at(892.0, 530.0, 300.0, 50.0)),
    (Spot::Slot, at(740.0, 625.0, 450.0, 200.0)),
    (Spot::Zone(Zone::Shipping), at(740.0, 1080.0, 450.0, 50.0)),
    (Spot::Zone(Zone::Returns), at(740.0, 1130.0, 450.0, 50.0)),
    (Spot::Zone(Zone::Reviews), at(90.0, 1300.0, 1100.0, 420.0)),
    (Spot::Plain, at(90.0, 120.0, 560.0, 560.0)),
];

const PRODUCT_NARROW: &[(Spot, Rect)] = &[
    (Spot::Zone(Zone::Price), at(20.0, 690.0, 160.0, 34.0)),
    (Spot::Zone(Zone::Variant), at(20.0, 800.0, 350.0, 70.0)),
    (Spot::Zone(Zone::Size), at(20.0, 885.0, 350.0, 120.0)),
    (Spot::Zone(Zone::Quantity), at(20.0, 1020.0, 140.0, 48.0)),
    (Spot::Zone(Zone::Cta), at(172.0, 1020.0, 198.0, 50.0)),
    (Spot::Slot, at(20.0, 1115.0, 350.0, 216.0)),
    (Spot::Zone(Zone::Shipping), at(20.0, 1620.0, 350.0, 50.0)),
    (Spot::Zone(Zone::Returns), at(20.0, 1670.0, 350.0, 50.0)),
    (Spot::Zone(Zone::Reviews), at(20.0, 1780.0, 350.0, 900.0)),
    (Spot::Plain, at(0.0, 110.0, 390.0, 390.0)),
];

const CART_WIDE: &[(Spot, Rect)] = &[
    (Spot::Zone(Zone::Price), at(640.0, 250.0, 90.0, 30.0)),
    (Spot::Zone(Zone::Quantity), at(235.0, 330.0, 140.0, 48.0)),
    (Spot::Plain, at(395.0, 336.0, 70.0, 36.0)),
    (Spot::Zone(Zone::Coupon), at(820.0, 340.0, 345.0, 95.0)),
    (Spot::Slot, at(820.0, 455.0, 345.0, 200.0)),
    (Spot::Zone(Zone::Checkout), at(820.0, 675.0, 345.0, 50.0)),
];

const CART_NARROW: &[(Spot, Rect)] = &[
    (Spot::Zone(Zone::Price), at(290.0, 230.0, 80.0, 30.0)),
    (Spot::Zone(Zone::Quantity), at(20.0, 330.0, 140.0, 48.0)),
    (Spot::Plain, at(300.0, 336.0, 70.0, 36.0)),
    (Spot::Zone(Zone::Coupon), at(30.0, 640.0, 330.0, 95.0)),
    (Spot::Slot, at(30.0, 755.0, 330.0, 216.0)),
    (Spot::Zone(Zone::Checkout), at(30.0, 990.0, 330.0, 50.0)),
];

const CHECKOUT_WIDE: &[(Spot, Rect)] = &[
    (Spot::Plain, at(110.0, 240.0, 620.0, 48.0)),
    (Spot::Zone(Zone::Shipping), at(110.0, 650.0, 620.0, 130.0)),
    (Spot::Zone(Zone::Checkout), at(110.0, 1100.0, 620.0, 50.0)),
    (Spot::Zone(Zone::Returns), at(830.0, 560.0, 320.0, 48.0)),
];

const CHECKOUT_NARROW: &[(Spot, Rect)] = &[
    (Spot::Plain, at(20.0, 240.0, 350.0, 48.0)),
    (Spot::Zone(Zone::Shipping), at(20.0, 790.0, 350.0, 150.0)),
    (Spot::Zone(Zone::Checkout), at(20.0, 1420.0, 350.0, 50.0)),
    (Spot::Zone(Zone::Returns), at(20.0, 1800.0, 350.0, 48.0)),
];

const CARDS_WIDE: &[(Spot, Rect)] =
    &[(Spot::Plain, at(90.0, 420.0, 260.0, 320.0)), (Spot::Zone(Zone::Price), at(90.0, 800.0, 60.0, 26.0))];

const CARDS_NARROW: &[(Spot, Rect)] =
    &[(Spot::Plain, at(20.0, 480.0, 165.0, 200.0)), (Spot::Zone(Zone::Price), at(20.0, 730.0, 60.0, 26.0))];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spot_can_be_reached() {
        for page in PageType::ALL {
            for device in DeviceClass::ALL {
                let screen = Screen::of(*page, *device);
                for (spot, rect) in screen.spots {
                    let inside =
                        rect.x >= 0.0 && rect.x + rect.width <= screen.width && rect.y + rect.height <= screen.length;
                    assert!(inside && rect.width > 20.0 && rect.height > 20.0, "{page:?} {device:?} {spot:?}");
                }
            }
        }
    }

    #[test]
    fn a_zones_middle_is_in_that_zone() {
        let screen = Screen::of(PageType::Product, DeviceClass::Mouse);
        let cta = screen.find(Spot::Zone(Zone::Cta));
        assert_eq!(screen.zone_at(cta.x + cta.width / 2.0, cta.y + cta.height / 2.0), Some(Zone::Cta));
        assert_eq!(screen.zone_at(5.0, 5.0), None);
    }
}
