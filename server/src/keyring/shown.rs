use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{Counts, Keyring};

/// Shows on `/metrics` how many keys there are.
#[derive(Debug)]
pub(crate) struct KeysHeld(pub(crate) Arc<Keyring>);

impl Collector for KeysHeld {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Counts { secrets, seals, sessions, erased, rotated } = self.0.counts();
        let mut keys = encoder.encode_descriptor("keys", "Keys held, by what they are of.", None, MetricType::Gauge)?;
        for (of, count) in [("epoch_pseudonyms", secrets), ("epoch_seal", seals), ("session", sessions)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            ConstGauge::new(count).encode(keys.encode_family(&[("of", of)])?)?;
        }
        for (name, help, count) in [
            ("epochs", "Epochs begun since the start.", rotated),
            ("erased", "Records and rows met since the start whose key is gone.", erased),
        ] {
            ConstCounter::new(count).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        Ok(())
    }
}
