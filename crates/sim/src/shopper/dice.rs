use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp, LogNormal, Normal};

/// What a shopper's randomness is for. Each purpose draws from a stream of its own, so that more draws for one change none of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Who comes: persona, plan, consent.
    Person,
    /// What the shopper does.
    Deeds,
    /// How the hand moves.
    Hand,
    /// How the shopper answers offers.
    Offers,
    /// The session's id.
    Identity,
    /// Retries and repeated sends.
    Network,
    /// When shoppers come; of shopper 0 only.
    Arrivals,
}

/// A seeded source of chance.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The draws of the shopper number `index`, below 2^60, of the crowd `seed`.
    pub fn new(seed: u64, index: u64, stream: Stream) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index << 4 | stream as u64);
        Dice(rng)
    }

    /// Whether something of this probability, 0..=1, comes to pass. Draws once whatever the probability is.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// A real number of `from..to`, all equally likely.
    pub fn real(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.0.random::<f64>()
    }

    /// A whole number of `from..=to`, all equally likely.
    pub fn whole(&mut self, from: u64, to: u64) -> u64 {
        self.0.random_range(from..=to)
    }

    /// An index below `len`, which is above zero.
    pub fn index(&mut self, len: usize) -> usize {
        self.0.random_range(0..len)
    }

    /// An index of `weights`, each as likely as its weight says.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.0.random::<f64>() * weights.iter().sum::<f64>();
        let chosen = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        chosen.unwrap_or(weights.len().saturating_sub(1))
    }

    /// A deviation around 0: normal, with this standard deviation.
    pub fn deviation(&mut self, sd: f64) -> f64 {
        Normal::new(0.0, sd).map_or(0.0, |normal| normal.sample(&mut self.0))
    }

    /// A factor around 1: log-normal, with this standard deviation of its logarithm.
    pub fn factor(&mut self, sd: f64) -> f64 {
        LogNormal::new(0.0, sd).map_or(1.0, |factor| factor.sample(&mut self.0))
    }

    /// The gap to the next of events that come independently, so many per second on average.
    pub fn gap_s(&mut self, per_second: f64) -> f64 {
        Exp::new(per_second).map_or(0.0, |gap| gap.sample(&mut self.0))
    }

    /// 128 random bits.
    pub fn bits(&mut self) -> [u8; 16] {
        let mut bits = [0; 16];
        self.0.fill_bytes(&mut bits);
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shopper_and_purpose_has_draws_of_its_own() {
        let draw = |seed, index, stream| Dice::new(seed, index, stream).bits();
        let first = draw(7, 0, Stream::Identity);
        assert_eq!(first, draw(7, 0, Stream::Identity));
        for other in [draw(8, 0, Stream::Identity), draw(7, 1, Stream::Identity), draw(7, 0, Stream::Network)] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn the_draws_of_a_seed_never_change() {
        // Numbers of the generator itself: if these change, so does every seeded run that somebody wrote down.
        assert_eq!(Dice::new(7, 3, Stream::Deeds).whole(0, 999_999), 933_142);
    }

    #[test]
    fn weights_are_kept() {
        let mut dice = Dice::new(1, 0, Stream::Person);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[dice.weighted(&[1.0, 0.0, 3.0])] += 1;
        }
        assert!(counts[1] == 0 && (2_200..2_800).contains(&counts[0]), "{counts:?}");
    }
}
