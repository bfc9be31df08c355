//! Differential privacy of counts, by OpenDP.

use opendp::core::Measurement;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::make_laplace;
use opendp::measures::MaxDivergence;
use opendp::metrics::L1Distance;
use waver_core::window::OncePerSession;

type Mechanism = Measurement<VectorDomain<AtomDomain<i64>>, L1Distance<i64>, MaxDivergence, Vec<i64>>;

/// Noise for counts of which one session changes at most [`OncePerSession::MEASURES`], by one each.
///
/// The discrete Laplace mechanism (Ghosh, Roughgarden, Sundararajan 2012), sampled exactly (Canonne, Kamath, Steinke 2020): there are no
/// floating-point numbers whose last bits could give the count away. Its randomness is the `rand` crate's ChaCha20 generator, which the
/// system seeds; the library's other choice is to build OpenSSL.
pub(super) struct Noise {
    mechanism: Mechanism,
    scale: f64,
}

/// The library refused, which says nothing of the data.
#[derive(Debug, thiserror::Error)]
#[error("no noise could be made: {0}")]
pub(crate) struct NoiseError(String);

impl NoiseError {
    /// What came back is not what went in.
    pub(super) fn shape() -> NoiseError {
        NoiseError("another number of counts came back".to_owned())
    }
}

impl Noise {
    /// For `epsilon_milli` thousandths of epsilon, at least 1.
    ///
    /// # Errors
    /// [`NoiseError`].
    pub(super) fn of(epsilon_milli: u32) -> Result<Noise, NoiseError> {
        let contribution = OncePerSession::MEASURES as i64;
        let epsilon = f64::from(epsilon_milli.max(1)) / 1_000.0;
        let mut scale = OncePerSession::MEASURES as f64 / epsilon;
        loop {
            let mechanism = mechanism(scale)?;
            // The library has the last word on what a scale costs; the division above may have been rounded down.
            if mechanism.map(&contribution).map_err(told)? <= epsilon {
                return Ok(Noise { mechanism, scale });
            }
            scale = scale.next_up();
        }
    }

    /// The scale of the distribution: its standard deviation is some 1.4 times that.
    pub(super) const fn scale(&self) -> f64 {
        self.scale
    }

    /// `counts` with noise. They may come out below zero.
    ///
    /// # Errors
    /// [`NoiseError`].
    pub(super) fn over(&self, counts: &[i64]) -> Result<Vec<i64>, NoiseError> {
        self.mechanism.invoke(&counts.to_vec()).map_err(told)
    }
}

fn mechanism(scale: f64) -> Result<Mechanism, NoiseError> {
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    make_laplace(domain, L1Distance::<i64>::default(), scale, None).map_err(told)
}

fn told(error: opendp::error::Error) -> NoiseError {
    NoiseError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURES: usize = OncePerSession::MEASURES;
    const EPSILON_MILLI: u32 = 1_000;
    /// Of each of two neighbours.
    const RUNS: u32 = 100_000;

    /// How often each number of outputs came out above zero, in so many runs over counts that all are `count`.
    ///
    /// That number is all that the outputs tell about whether one more session is in every count: for the discrete Laplace distribution of scale b each
    /// output above zero speaks for it by 1/b, and each other one against it (Neyman and Pearson 1933).
    fn above_zero(noise: &Noise, count: i64, runs: u32) -> [u32; MEASURES + 1] {
        let mut times = [0; MEASURES + 1];
        for _ in 0..runs {
            let outputs = noise.over(&[count; MEASURES]).expect("the library has randomness");
            times[outputs.into_iter().filter(|output| *output > 0).count()] += 1;
        }
        times
    }

    /// The most that any outcome tells of whether the session was there, and how far that may be off: five standard errors, which one
    /// outcome in three million exceeds.
    fn most_told(noise: &Noise, runs: u32) -> (f64, f64) {
        let (without, with) = (above_zero(noise, 0, runs), above_zero(noise, 1, runs));
        let told = |(without, with): (&u32, &u32)| {
            let (without, with) = (f64::from(*without), f64::from(*with));
            ((with / without).ln().abs(), 5.0 * (1.0 / without + 1.0 / with).sqrt())
        };
        let often_enough = |(without, with): &(&u32, &u32)| **without >= 100 && **with >= 100;
        let told = without.iter().zip(&with).filter(often_enough).map(told);
        told.max_by(|(one, _), (other, _)| one.total_cmp(other)).expect("some outcomes are frequent")
    }

    #[test]
    fn one_session_more_or_less_tells_no_more_than_was_paid_for() {
        let epsilon = f64::from(EPSILON_MILLI) / 1_000.0;
        let (told, error) = most_told(&Noise::of(EPSILON_MILLI).expect("makes noise"), RUNS);
        assert!(told - error <= epsilon, "{told} ± {error} of {epsilon}");
        // Nor is it much less, or the noise would be more than it has to be.
        assert!(told + error >= epsilon, "{told} ± {error} of {epsilon}");
    }

    /// The test above can fail: it finds noise that is half of what it should be.
    #[test]
    fn too_little_noise_is_found() {
        let epsilon = f64::from(EPSILON_MILLI) / 1_000.0;
        let (told, error) = most_told(&Noise::of(2 * EPSILON_MILLI).expect("makes noise"), RUNS / 2);
        assert!(told - error > epsilon, "{told} ± {error} of {epsilon}");
    }

    #[test]
    fn the_library_agrees_on_what_it_costs() {
        for epsilon_milli in [1, 7, 333, 1_000, 9_999, 10_000] {
            let noise = Noise::of(epsilon_milli).expect("makes noise");
            let costs = noise.mechanism.map(&(MEASURES as i64)).expect("maps");
            assert!(costs <= f64::from(epsilon_milli) / 1_000.0, "{costs} for {epsilon_milli}");
            assert!(noise.scale() <= 1.000_001 * 1_000.0 * MEASURES as f64 / f64::from(epsilon_milli));
        }
    }
}
