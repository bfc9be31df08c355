use std::collections::BTreeMap;

use super::SiteNumber;

const MINUTE_MS: u64 = 60 * 1000;

/// How many sessions are live, by site, tag and the minute in which they end: a few thousand sums, however many sessions there are.
#[derive(Debug, Default)]
pub(super) struct LiveCounts(BTreeMap<(SiteNumber, u8, u64), u64>);

impl LiveCounts {
    pub(super) fn add(&mut self, site: SiteNumber, tag: u8, live_until: u64) {
        *self.0.entry((site, tag, live_until / MINUTE_MS)).or_default() += 1;
    }

    pub(super) fn remove(&mut self, site: SiteNumber, tag: u8, live_until: u64) {
        let key = (site, tag, live_until / MINUTE_MS);
        if let Some(count) = self.0.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&key);
            }
        }
    }

    pub(super) fn at(&self, site: SiteNumber, now: u64) -> BTreeMap<u8, u64> {
        let mut by_tag = BTreeMap::new();
        let now = now / MINUTE_MS;
        for ((_, tag, _), count) in
            self.0.range((site, 0, 0)..=(site, u8::MAX, u64::MAX)).filter(|((_, _, minute), _)| *minute >= now)
        {
            *by_tag.entry(*tag).or_default() += count;
        }
        by_tag
    }
}
