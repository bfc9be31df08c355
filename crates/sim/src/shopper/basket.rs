use super::storefront::Product;

/// The most of one product that the shop lets into a cart.
pub(super) const MOST_OF_ONE: u32 = 9;

/// What a shopper has in the cart.
#[derive(Debug, Clone, Default)]
pub(super) struct Basket {
    lines: Vec<(Product, u32)>,
}

impl Basket {
    /// Puts `quantity` of it in, and says how many of them fitted.
    pub(super) fn add(&mut self, product: Product, quantity: u32) -> u32 {
        match self.lines.iter_mut().find(|(known, _)| known.item == product.item) {
            Some((_, present)) => {
                let added = quantity.min(MOST_OF_ONE.saturating_sub(*present));
                *present += added;
                added
            }
            None => {
                let added = quantity.min(MOST_OF_ONE);
                self.lines.push((product, added));
                added
            }
        }
    }

    /// Takes one of line `index` out.
    pub(super) fn take_one(&mut self, index: usize) -> Option<Product> {
        let (product, quantity) = self.lines.get_mut(index)?;
        let product = *product;
        *quantity -= 1;
        self.lines.retain(|(_, quantity)| *quantity > 0);
        Some(product)
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Whether the product is in it.
    pub(super) fn holds(&self, product: Product) -> bool {
        self.lines.iter().any(|(known, _)| known.item == product.item)
    }

    /// How many items there are.
    pub(super) fn items(&self) -> u32 {
        self.lines.iter().map(|(_, quantity)| quantity).sum()
    }

    /// What they cost, in minor units.
    pub(super) fn value_minor(&self) -> u32 {
        self.lines
            .iter()
            .fold(0, |sum: u32, (product, quantity)| sum.saturating_add(product.price_minor.saturating_mul(*quantity)))
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_add_up_and_empty_ones_go() {
        let (mug, tent) = (Product::new("mug", 1_600), Product::new("tent", 32_900));
        let mut basket = Basket::default();
        assert_eq!((basket.add(mug, 2), basket.add(tent, 1), basket.add(mug, 8)), (2, 1, 7));
        assert_eq!((basket.items(), basket.value_minor()), (10, 9 * 1_600 + 32_900));
        assert_eq!(basket.take_one(1), Some(tent));
        assert_eq!((basket.lines(), basket.holds(tent), basket.take_one(1)), (1, false, None));
    }
}
