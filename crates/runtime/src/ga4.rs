//! GA4 ecommerce events as signals. Of a shop's event only numbers, closed words and hashed labels go on; everything else stays unread.

use waver_core::SignalKind;
use waver_schema::limits::ITEMS_PER_DECISION;
use waver_schema::{CommerceAction, Currency, ItemRef, OrderRef, PageType};

use crate::money::to_minor_units;

/// Larger counts are not a shopper's.
const MOST_ITEMS: f64 = 10_000.0;

/// The parameters of a GA4 event that are read.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    /// `value`, in major units.
    pub(crate) value: Option<f64>,
    /// `currency`.
    pub(crate) currency: Option<String>,
    /// `items`.
    pub(crate) items: Vec<Item>,
    /// `transaction_id`.
    pub(crate) transaction: Option<String>,
}

/// One of `items`.
#[derive(Debug, Default)]
pub(crate) struct Item {
    /// `item_id`.
    pub(crate) id: Option<String>,
    /// `price`, in major units.
    pub(crate) price: Option<f64>,
    /// `quantity`.
    pub(crate) quantity: Option<f64>,
    /// `item_category`, the broadest of GA4's five.
    pub(crate) category: Option<String>,
}

impl Item {
    fn count(&self) -> f64 {
        self.quantity.filter(|quantity| *quantity >= 0.0).unwrap_or(1.0)
    }
}

/// What the event `name` tells, if it is one of those that shops have in common: what was done, with what kind of product, and what that makes of
/// the cart.
pub(crate) fn to_signals(name: &str, parameters: &Parameters) -> impl Iterator<Item = SignalKind> {
    let signal = to_signal(name, parameters);
    let category = signal.and_then(|_| category_of(&parameters.items));
    let in_cart = CommerceAction::from_name(name).filter(|action| {
        use CommerceAction::{AddToCart, BeginCheckout, RemoveFromCart, ViewCart};
        matches!(action, AddToCart | RemoveFromCart | ViewCart | BeginCheckout)
    });
    let items = in_cart.into_iter().flat_map(|action| {
        parameters.items.iter().take(ITEMS_PER_DECISION).filter_map(move |item| {
            let quantity = item.count().min(MOST_ITEMS) as u32;
            Some(SignalKind::CartItem { action, item: ItemRef::from_label(item.id.as_deref()?), quantity })
        })
    });
    signal.into_iter().chain(category.map(|category| SignalKind::Category { category })).chain(items)
}

/// The category that all items have in common.
fn category_of(items: &[Item]) -> Option<ItemRef> {
    let (first, others) = items.split_first()?;
    let category = first.category.as_deref()?;
    let common = others.iter().all(|item| item.category.as_deref() == Some(category));
    common.then(|| ItemRef::from_label(category))
}

fn to_signal(name: &str, parameters: &Parameters) -> Option<SignalKind> {
    let action = CommerceAction::from_name(name)?;
    let Parameters { value, currency, items, transaction } = parameters;
    let currency = currency.as_deref().and_then(|code| Currency::new(code).ok());
    let quantity = items.iter().map(Item::count).sum::<f64>().min(MOST_ITEMS) as u32;
    // GA4 asks for `value` beside `currency`, and many shops leave it to the items.
    let of_items = || items.iter().map(|item| Some(item.price? * item.count())).sum::<Option<f64>>();
    let value_minor = value
        .or_else(|| if items.is_empty() { None } else { of_items() })
        .and_then(|value| to_minor_units(value, currency));
    let item = match items.as_slice() {
        [only] => only.id.as_deref().map(ItemRef::from_label),
        _ => None,
    };
    let ordered = matches!(action, CommerceAction::Purchase | CommerceAction::Refund);
    let order = transaction.as_deref().filter(|_| ordered).map(OrderRef::from_label);
    Some(SignalKind::Commerce { action, item, quantity, value_minor, currency, order })
}

/// The kind of page on which shops push the event `name`.
pub(crate) fn page_hint(name: &str) -> Option<PageType> {
    Some(match name {
        "view_item" => PageType::Product,
        "view_item_list" => PageType::List,
        "view_search_results" => PageType::Search,
        "view_cart" => PageType::Cart,
        "begin_checkout" | "add_shipping_info" | "add_payment_info" => PageType::Checkout,
        "purchase" => PageType::Confirmation,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, price: f64, quantity: Option<f64>) -> Item {
        Item { id: Some(id.into()), price: Some(price), quantity, category: None }
    }

    #[test]
    fn the_category_is_told_where_all_items_have_the_same() {
        let of = |categories: &[Option<&str>]| {
            let item = |category: &Option<&str>| Item { category: category.map(str::to_owned), ..Item::default() };
            let items = categories.iter().map(item).collect();
            let parameters = Parameters { items, ..Parameters::default() };
            to_signals("view_item_list", &parameters).nth(1)
        };
        let category = ItemRef::from_label("bags");
        assert_eq!(of(&[Some("bags"), Some("bags")]), Some(SignalKind::Category { category }));
        for none in [&[Some("bags"), Some("hats")][..], &[Some("bags"), None], &[None], &[]] {
            assert_eq!(of(none), None);
        }
        let items = vec![Item { category: Some("bags".into()), ..Item::default() }];
        assert_eq!(to_signals("login", &Parameters { items, ..Parameters::default() }).count(), 0);
    }

    #[test]
    fn an_item_put_into_the_cart_keeps_number_value_and_reference() {
        let parameters = Parameters {
            value: Some(178.0),
            currency: Some("EUR".into()),
            items: vec![item("fellside-sweater", 89.0, Some(2.0))],
            transaction: None,
        };
        let expected = SignalKind::Commerce {
            action: CommerceAction::AddToCart,
            item: Some(ItemRef::from_label("fellside-sweater")),
            quantity: 2,
            value_minor: Some(17_800),
            currency: Currency::new("EUR").ok(),
            order: None,
        };
        assert_eq!(to_signal("add_to_cart", &parameters), Some(expected));
    }

    #[test]
    fn items_make_up_for_a_missing_value_and_several_have_no_reference() {
        let items = vec![item("a", 10.5, Some(2.0)), item("b", 4.0, None)];
        let parameters = Parameters { currency: Some("EUR".into()), items, ..Parameters::default() };
        let Some(SignalKind::Commerce { item, quantity, value_minor, .. }) = to_signal("view_cart", &parameters) else {
            panic!("no signal");
        };
        assert_eq!((item, quantity, value_minor), (None, 3, Some(2_500)));
    }

    #[test]
    fn each_product_of_the_cart_is_told() {
        let items = vec![item("a", 1.0, Some(2.0)), item("b", 1.0, None), Item::default()];
        let parameters = Parameters { items, ..Parameters::default() };
        let told = |name| -> Vec<(ItemRef, u32)> {
            let of = |signal| match signal {
                SignalKind::CartItem { item, quantity, .. } => Some((item, quantity)),
                _ => None,
            };
            to_signals(name, &parameters).filter_map(of).collect()
        };
        let both = vec![(ItemRef::from_label("a"), 2), (ItemRef::from_label("b"), 1)];
        for name in ["add_to_cart", "remove_from_cart", "view_cart", "begin_checkout"] {
            assert_eq!(told(name), both, "{name}");
        }
        assert_eq!([told("view_item_list"), told("purchase"), told("sign_up")], [vec![], vec![], vec![]]);
    }

    #[test]
    fn an_order_is_hashed_and_only_orders_are() {
        let parameters = Parameters { transaction: Some("T-1001".into()), ..Parameters::default() };
        let order = |name| match to_signal(name, &parameters) {
            Some(SignalKind::Commerce { order, .. }) => order,
            _ => None,
        };
        assert_eq!(order("purchase"), Some(OrderRef::from_label("T-1001")));
        assert_eq!(order("view_cart"), None);
    }

    #[test]
    fn what_is_hostile_or_unknown_stays_out() {
        assert_eq!(to_signal("sign_up", &Parameters::default()), None);
        let parameters = Parameters {
            value: Some(f64::NAN),
            currency: Some("jane@example.com".into()),
            items: vec![item("x", -5.0, Some(f64::INFINITY)), item("y", 1.0, Some(-3.0))],
            transaction: None,
        };
        let Some(SignalKind::Commerce { quantity, value_minor, currency, .. }) = to_signal("view_cart", &parameters)
        else {
            panic!("no signal");
        };
        assert_eq!((quantity, value_minor, currency), (10_000, None, None));
    }
}
