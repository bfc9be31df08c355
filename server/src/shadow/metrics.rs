//! The last settled day on `/metrics`.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{Calibration, Report, Shadow};
use crate::host::Host;
use crate::release::SharedReleases;
use crate::site::Sites;

/// Shows it.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) shadow: Arc<Shadow>,
    pub(crate) sites: Arc<Sites>,
    pub(crate) releases: SharedReleases,
    pub(crate) host: Host,
}

/// What is shown of a table of calibration.
type Figure = fn(&Calibration) -> Option<f64>;

impl Collector for Met {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let now = self.host.now();
        let reports: Vec<(&str, Report)> =
            self.sites.iter().map(|(index, site)| (site.key.as_str(), self.shadow.report(index, now))).collect();
        let figures: [(&str, &str, Figure); 2] = [
            (
                "model_brier",
                "Mean squared difference between score and purchase, on the last settled day",
                Calibration::brier,
            ),
            ("model_calibration_error", "Expected calibration error, on the last settled day", Calibration::error),
        ];
        for (name, help, figure) in figures {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (site, report) in &reports {
                let Some((_, day)) = report.days.last() else { continue };
                for (model, table) in [("champion", &day.champion), ("challenger", &day.challenger)] {
                    // Both are told only of days on which either outcome has enough sessions.
                    let Some(value) = figure(table).filter(|_| self.releases.may_show(table)) else { continue };
                    let labels = [("site", *site), ("model", model)];
                    ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        let help = "Population stability index of a feature: the last settled day against those before";
        let mut family = encoder.encode_descriptor("feature_psi", help, None, MetricType::Gauge)?;
        for (site, report) in &reports {
            for (feature, moved) in &report.drift {
                if let Some(moved) = moved {
                    let labels = [("site", *site), ("feature", feature.as_str())];
                    ConstGauge::new(*moved).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}
