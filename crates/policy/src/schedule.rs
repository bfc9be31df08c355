use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;
use waver_core::decision::{Period, Span};

use crate::check::Check;

/// Names of days, Monday first.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const DAY_MINUTES: u16 = 24 * 60;

/// When an offer may be made, as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleEntry {
    from: Option<Spanned<Datetime>>,
    until: Option<Spanned<Datetime>>,
    days: Option<Spanned<Vec<Spanned<String>>>>,
    hours: Option<Spanned<String>>,
    time_zone: Option<Spanned<String>>,
}

/// When an offer may be made.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    zone: TimeZone,
    /// From here on.
    from: Option<Timestamp>,
    /// And no more from here on.
    until: Option<Timestamp>,
    /// On these days of the week; none named: on all.
    days: Vec<Weekday>,
    /// Minutes of the local day, from the first up to but without the second. Where the second is the smaller, they are past midnight.
    hours: Option<(u16, u16)>,
}

impl Schedule {
    /// Always, by the clocks of `zone`.
    pub(crate) fn always(zone: TimeZone) -> Schedule {
        Schedule { zone, from: None, until: None, days: Vec::new(), hours: None }
    }

    /// Whether an offer may be made at `at` (Unix milliseconds).
    pub(crate) fn holds(&self, at: u64) -> bool {
        let Some(now) = timestamp(at) else { return false };
        if self.from.is_some_and(|from| now < from) || self.until.is_some_and(|until| now >= until) {
            return false;
        }
        if self.days.is_empty() && self.hours.is_none() {
            return true;
        }
        let local = now.to_zoned(self.zone.clone());
        let minute = minute_of(local.time());
        let (within, begun_yesterday) = match self.hours {
            None => (true, false),
            Some((from, until)) if from < until => ((from..until).contains(&minute), false),
            Some((from, until)) => (minute >= from || minute < until, minute < until),
        };
        // What began on a Friday evening is of Friday, past midnight too.
        let day = if begun_yesterday { local.weekday().previous() } else { local.weekday() };
        within && (self.days.is_empty() || self.days.contains(&day))
    }

    /// When it is over for good, Unix milliseconds.
    pub(crate) fn until(&self) -> Option<u64> {
        self.until.and_then(|until| u64::try_from(until.as_millisecond()).ok())
    }

    fn from(&self) -> Option<u64> {
        self.from.and_then(|from| u64::try_from(from.as_millisecond()).ok())
    }

    /// The period of a budget that `at` (Unix milliseconds) falls in. One without end lasts as long as the schedule does.
    pub(crate) fn span(&self, period: Period, at: u64) -> Option<Span> {
        if period == Period::Total {
            return Some(Span { from: self.from().unwrap_or(0), until: self.until().unwrap_or(u64::MAX) });
        }
        let today = timestamp(at)?.to_zoned(self.zone.clone()).start_of_day().ok()?;
        let (first, next) = match period {
            Period::Day | Period::Total => (today.clone(), today.checked_add(1.day())),
            Period::Week => {
                let since = i64::from(today.weekday().to_monday_zero_offset());
                let monday = today.checked_sub(since.days()).ok()?;
                (monday.clone(), monday.checked_add(7.days()))
            }
            Period::Month => {
                let first = today.first_of_month().ok()?;
                (first.clone(), first.checked_add(1.month()))
            }
        };
        // Where clocks jump over midnight a day begins later.
        let begins = |day: Zoned| u64::try_from(day.start_of_day().ok()?.timestamp().as_millisecond().max(0)).ok();
        Some(Span { from: begins(first)?, until: begins(next.ok()?)? })
    }

    /// What `waver check` says of it.
    pub(crate) fn said(&self) -> String {
        let mut said = Vec::new();
        if !self.days.is_empty() {
            let named = DAYS.iter().filter(|(_, day)| self.days.contains(day)).map(|(name, _)| *name);
            said.push(format!("on {}", named.collect::<Vec<_>>().join(", ")));
        }
        if let Some((from, until)) = self.hours {
            let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            let next = if until < from { " of the next day" } else { "" };
            said.push(format!("from {} to {}{next}", clock(from), clock(until)));
        }
        let local = |instant: Timestamp| instant.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        said.extend(self.from.map(|from| format!("not before {}", local(from))));
        said.extend(self.until.map(|until| format!("no more from {} on", local(until))));
        if said.is_empty() {
            return "at any time".into();
        }
        format!("{} ({})", said.join(", "), self.zone.iana_name().unwrap_or("UTC"))
    }

    pub(crate) fn has_end(&self) -> bool {
        self.from.is_some() && self.until.is_some()
    }
}

fn timestamp(at: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()
}

fn minute_of(time: Time) -> u16 {
    // Both are below 60.
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

impl Check<'_> {
    /// A time zone of the IANA database, which is built in: the same file means the same everywhere.
    pub(crate) fn time_zone(&mut self, name: &Spanned<String>) -> TimeZone {
        match TimeZone::get(name.get_ref()) {
            Ok(zone) => zone,
            Err(_) => {
                let message = format!("`time_zone` is a name such as \"Europe/Berlin\"; it is `{}`", name.get_ref());
                self.problem(name.span(), message);
                TimeZone::UTC
            }
        }
    }

    /// The schedule of an offer, by the clocks of `zone` unless it says otherwise.
    pub(crate) fn schedule(&mut self, entry: Option<&Spanned<ScheduleEntry>>, zone: &TimeZone) -> Schedule {
        let Some(spanned) = entry else { return Schedule::always(zone.clone()) };
        let entry = spanned.get_ref();
        let zone = entry.time_zone.as_ref().map_or_else(|| zone.clone(), |name| self.time_zone(name));
        let from = entry.from.as_ref().and_then(|from| self.instant("from", from, &zone, false));
        let until = entry.until.as_ref().and_then(|until| self.instant("until", until, &zone, true));
        if let (Some(begin), Some(end)) = (from, until)
            && begin >= end
        {
            let span = entry.until.as_ref().map_or(spanned.span(), Spanned::span);
            self.problem(span, "`until` is not after `from`, so the offer would never be made".into());
        }
        let days = entry.days.as_ref().map(|days| self.days(days)).unwrap_or_default();
        let hours = entry.hours.as_ref().and_then(|hours| self.hours(hours));
        Schedule { zone, from, until, days, hours }
    }

    /// A date or a date and time. A date alone is its first moment, or at the end of a stretch the first after it.
    fn instant(&mut self, key: &str, written: &Spanned<Datetime>, zone: &TimeZone, is_end: bool) -> Option<Timestamp> {
        let instant = instant(*written.get_ref(), zone, is_end);
        if instant.is_none() {
            let message = format!(
                "`{key}` is a date or a date with a time, such as 2026-11-27 or 2026-11-27T09:00:00; it is `{}`",
                written.get_ref()
            );
            self.problem(written.span(), message);
        }
        instant
    }

    fn days(&mut self, days: &Spanned<Vec<Spanned<String>>>) -> Vec<Weekday> {
        if days.get_ref().is_empty() {
            self.problem(days.span(), "`days` is empty; name days, or take it out".into());
        }
        let mut named = Vec::new();
        for day in days.get_ref() {
            match DAYS.iter().find(|(name, _)| name == day.get_ref()) {
                Some((_, weekday)) => named.push(*weekday),
                None => {
                    let known = DAYS.map(|(name, _)| name).join(", ");
                    self.problem(day.span(), format!("a day is one of {known}; it is `{}`", day.get_ref()));
                }
            }
        }
        named
    }

    fn hours(&mut self, hours: &Spanned<String>) -> Option<(u16, u16)> {
        let parsed = hours.get_ref().split_once('-').and_then(|(from, until)| Some((clock(from)?, clock(until)?)));
        let usable = parsed.filter(|(from, until)| from != until && *from < DAY_MINUTES && *until > 0);
        if usable.is_none() {
            let message = format!(
                "`hours` is a stretch of the day such as \"09:00-18:00\" or \"22:00-02:00\"; it is `{}`",
                hours.get_ref()
            );
            self.problem(hours.span(), message);
        }
        usable
    }
}

/// The minute of the day, 0 to 1440, of a time such as `09:30`.
fn clock(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten().map(u16::from);
    let (hour, minute) = (number(hour)?, number(minute)?);
    (minute < 60).then_some(hour * 60 + minute).filter(|minutes| *minutes <= DAY_MINUTES)
}

fn instant(written: Datetime, zone: &TimeZone, is_end: bool) -> Option<Timestamp> {
    let date = written.date?;
    let date = Date::new(
        i16::try_from(date.year).ok().filter(|year| (1970..=9998).contains(year))?,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
    )
    .ok()?;
    let Some(time) = written.time else {
        // An offset belongs to a time.
        let date = if is_end { date.tomorrow().ok()? } else { date };
        return Some(date.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp());
    };
    let time = Time::new(
        i8::try_from(time.hour).ok()?,
        i8::try_from(time.minute).ok()?,
        i8::try_from(time.second.unwrap_or(0)).ok()?.min(59),
        0,
    )
    .ok()?;
    let at = DateTime::from_parts(date, time);
    let zone = match written.offset {
        None => zone.clone(),
        Some(toml::value::Offset::Z) => TimeZone::UTC,
        Some(toml::value::Offset::Custom { minutes }) => {
            TimeZone::fixed(jiff::tz::Offset::from_seconds(i32::from(minutes) * 60).ok()?)
        }
    };
    Some(at.to_zoned(zone).ok()?.timestamp())
}

#[cfg(test)]
mod tests;
