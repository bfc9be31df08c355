use std::fmt;

use datasketches::hll::{HllSketch, HllType, HllUnion};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_bytes::ByteBuf;

/// 2^11 registers: the standard error of a count is 2.3 percent (1.04 / sqrt(2048)), and far less while it is small.
const LG_REGISTERS: u8 = 11;

/// How many different ones there were, as a mergeable sketch: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007) as Apache DataSketches have it.
///
/// Up to 192 are kept one by one, four bytes each, and beyond that it takes two KiB however many there are. Only the estimate that does not depend on the
/// order of telling is used, so that two are equal when they estimate alike.
#[derive(Clone, Default)]
pub(crate) struct Distinct(Option<Box<HllSketch>>);

impl Distinct {
    /// Adds one that has the number `key`; again and again is once.
    pub(crate) fn add(&mut self, key: u64) {
        self.0.get_or_insert_with(|| Box::new(empty())).update(key);
    }

    /// Adds everything of `other`.
    pub(crate) fn merge(&mut self, other: &Distinct) {
        let Some(more) = &other.0 else { return };
        let Some(sketch) = &mut self.0 else {
            self.0 = Some(more.clone());
            return;
        };
        let mut union = HllUnion::new(LG_REGISTERS).expect("between 4 and 21");
        union.update(sketch);
        union.update(more);
        **sketch = union.to_sketch(HllType::Hll8);
    }

    /// How many, to the nearest.
    pub(crate) fn count(&self) -> u64 {
        // At least 0, and far below 2^53.
        self.0.as_ref().map_or(0, |sketch| sketch.composite_estimate().round() as u64)
    }
}

fn empty() -> HllSketch {
    HllSketch::new(LG_REGISTERS, HllType::Hll8).expect("between 4 and 21")
}

impl PartialEq for Distinct {
    fn eq(&self, other: &Distinct) -> bool {
        let estimate = |distinct: &Distinct| distinct.0.as_ref().map(|sketch| sketch.composite_estimate());
        estimate(self) == estimate(other)
    }
}

impl fmt::Debug for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Distinct").field(&self.count()).finish()
    }
}

// In the sketch's own portable format.
impl Serialize for Distinct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.as_ref().map(|sketch| ByteBuf::from(sketch.serialize()));
        bytes.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Distinct, D::Error> {
        let Some(bytes) = Option::<ByteBuf>::deserialize(deserializer)? else { return Ok(Distinct(None)) };
        let sketch = HllSketch::deserialize(&bytes).map_err(|_| de::Error::custom("expected a sketch of a count"))?;
        if sketch.lg_config_k() != LG_REGISTERS {
            return Err(de::Error::custom("expected a sketch of 2048 registers"));
        }
        Ok(Distinct(Some(Box::new(sketch))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(keys: impl IntoIterator<Item = u64>) -> Distinct {
        let mut distinct = Distinct::default();
        keys.into_iter().for_each(|key| distinct.add(key));
        distinct
    }

    #[test]
    fn counts_are_exact_while_small_and_within_a_few_percent_later() {
        for count in [0, 1, 7, 150, 1_000, 20_000] {
            let estimated = of((0..count).chain(0..count)).count();
            let most = if count < 200 { 0 } else { count * 7 / 100 };
            assert!(estimated.abs_diff(count) <= most, "{estimated} for {count}");
        }
    }

    #[test]
    fn a_sketch_is_bounded_and_small_counts_are_smaller() {
        let bytes = |count| postcard::to_allocvec(&of(0..count)).expect("serialises").len();
        assert_eq!(bytes(0), 1);
        assert!(
            bytes(3) <= 30 && bytes(100) <= 512 && bytes(100_000) <= 2_200,
            "{} {} {}",
            bytes(3),
            bytes(100),
            bytes(100_000)
        );
    }

    #[test]
    fn what_is_not_a_sketch_is_an_error_and_no_panic() {
        let bytes = postcard::to_allocvec(&of(0..500)).expect("serialises");
        assert!(postcard::from_bytes::<Distinct>(&bytes[..bytes.len() - 1]).is_err());
        let other = HllSketch::new(8, HllType::Hll8).expect("fits").serialize();
        let other = postcard::to_allocvec(&Some(ByteBuf::from(other))).expect("serialises");
        assert!(postcard::from_bytes::<Distinct>(&other).is_err());
    }

    proptest! {
        #[test]
        fn any_order_and_any_parts_give_the_same(
            left in proptest::collection::vec(any::<u64>(), 0..600),
            right in proptest::collection::vec(any::<u64>(), 0..600),
        ) {
            let whole = of(left.iter().chain(&right).copied());
            let mut merged = of(right.iter().rev().copied());
            merged.merge(&of(left.iter().rev().copied()));
            prop_assert_eq!(&merged, &whole);
            let bytes = postcard::to_allocvec(&merged).expect("serialises");
            prop_assert_eq!(postcard::from_bytes::<Distinct>(&bytes).expect("comes back"), whole);
        }
    }
}
