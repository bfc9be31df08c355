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
