//! Fields of forms: when they are entered, typed at, filled and left. What is in them is never read, not even its length.

use std::cell::Cell;
use std::rc::Rc;

use waver_core::{FieldAct, FieldClass, SignalKind};
use waver_schema::Zone;
use web_sys::{Element, Event};

use super::element::{target_of, zone_of};
use super::{Sensors, Sink, time_of};
use crate::value::{self, holds};

/// What can be typed at or chosen from.
pub(super) const FIELD: &str = "textarea,select,[contenteditable],input:not([type=button],[type=submit],[type=reset],[type=image],[type=checkbox],[type=radio],[type=range],[type=file])";

/// Parts of the names that forms give their fields, in the order in which they are looked for. The names of autofill are those of the HTML
/// standard, the rest is from the checkouts of Shopify, WooCommerce and Magento.
const NAMES: [(FieldClass, &[&str]); 6] = [
    (FieldClass::Payment, &["cc-", "card", "cvc", "cvv", "iban", "payment"]),
    (FieldClass::Coupon, &["coupon", "promo", "voucher", "discount", "gift"]),
    (FieldClass::Search, &["search"]),
    (FieldClass::Quantity, &["qty", "quantity"]),
    (FieldClass::Address, &["address", "street", "postal", "postcode", "zip", "city", "country", "region", "province"]),
    (FieldClass::Contact, &["mail", "tel", "phone", "name"]),
];
/// Where those names stand.
const NAMED_BY: [&str; 4] = ["autocomplete", "name", "id", "type"];

/// Least time between two edits of a field that are told.
const EDIT_MS: u64 = 250;

pub(super) fn start(sensors: &mut Sensors, sink: Sink) {
    let edited: Rc<Cell<(u32, u64)>> = Rc::default();
    for kind in ["focusin", "focusout", "input", "invalid"] {
        let (numbers, sink, edited) = (Rc::clone(&sensors.numbers), sink.clone(), edited.clone());
        let happened = move |event: Event| {
            let Some(element) = target_of(&event).filter(|element| is(element, FIELD)) else { return };
            let (field, at) = (numbers.of(&element), time_of(&event));
            let act = match kind {
                "focusin" => FieldAct::Focus,
                "focusout" => FieldAct::Blur,
                "invalid" => FieldAct::Invalid,
                _ if is(&element, ":autofill") => FieldAct::Fill,
                _ if deletes(&event) && is_empty(&element) => FieldAct::Clear,
                _ => {
                    let (last, last_at) = edited.get();
                    if last == field && at.saturating_sub(last_at) < EDIT_MS {
                        return;
                    }
                    edited.set((field, at));
                    FieldAct::Edit
                }
            };
            sink(SignalKind::Field { class: class_of(&element), field, act }, at);
        };
        sensors.listen(kind, Box::new(happened));
    }
}

/// A browser that does not know the selector says no.
fn is(element: &Element, selector: &str) -> bool {
    element.matches(selector).unwrap_or_default()
}

fn deletes(event: &Event) -> bool {
    value::text(event, "inputType").is_some_and(|kind| kind.starts_with("delete"))
}

/// Whether there is nothing in it, as far as the browser says so without being asked for what there is: of fields that are required or show a
/// placeholder.
fn is_empty(element: &Element) -> bool {
    is(element, ":placeholder-shown") || value::get(&value::get(element, "validity"), "valueMissing").is_truthy()
}

fn class_of(element: &Element) -> FieldClass {
    match zone_of(element) {
        Some(Zone::Coupon) => FieldClass::Coupon,
        Some(Zone::Quantity) => FieldClass::Quantity,
        _ => {
            let mut names = String::new();
            for name in NAMED_BY {
                names.push_str(&element.get_attribute(name).unwrap_or_default());
                names.push(' ');
            }
            names.make_ascii_lowercase();
            class_of_names(&names)
        }
    }
}

fn class_of_names(names: &str) -> FieldClass {
    if holds(names, "password") {
        return FieldClass::Other;
    }
    let known = NAMES.iter().find(|(_, parts)| parts.iter().any(|part| holds(names, part)));
    known.map_or(FieldClass::Other, |(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_by_their_names() {
        for (names, class) in [
            ("cc-name cardholder", FieldClass::Payment),
            (" coupon_code coupon_code text", FieldClass::Coupon),
            (" q search-in-modal search", FieldClass::Search),
            (" quantity quantity_65 number", FieldClass::Quantity),
            ("shipping address-line1 address1 text", FieldClass::Address),
            ("billing postal-code zip", FieldClass::Address),
            ("given-name firstname", FieldClass::Contact),
            ("email billing_email email", FieldClass::Contact),
            ("current-password name password", FieldClass::Other),
            (" note comment text", FieldClass::Other),
        ] {
            assert_eq!(class_of_names(names), class, "{names}");
        }
    }
}
