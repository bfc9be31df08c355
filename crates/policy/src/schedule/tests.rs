use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone")
}

/// Unix milliseconds of a local time.
fn at(local: &str, name: &str) -> u64 {
    let local: DateTime = local.parse().expect("a time");
    let instant = local.to_zoned(zone(name)).expect("there is one").timestamp();
    u64::try_from(instant.as_millisecond()).expect("after 1970")
}

fn schedule(name: &str, toml: &str) -> Schedule {
    #[derive(Deserialize)]
    struct File {
        schedule: Spanned<ScheduleEntry>,
    }
    let text = format!("[schedule]\n{toml}");
    let file: File = toml::from_str(&text).expect("TOML");
    let mut check = Check::new(&text);
    let schedule = check.schedule(Some(&file.schedule), &zone(name));
    assert!(check.is_clean(), "{:?}", check.refuse());
    schedule
}

#[test]
fn hours_and_days_are_those_of_the_shop() {
    let office = schedule("Europe/Berlin", "days = [\"mon\", \"fri\"]\nhours = \"09:00-18:00\"");
    for (local, expected) in [
        ("2026-11-27T08:59:59", false),
        ("2026-11-27T09:00:00", true),
        ("2026-11-27T17:59:59", true),
        ("2026-11-27T18:00:00", false),
        ("2026-11-28T12:00:00", false),
        ("2026-11-30T12:00:00", true),
        ("2026-07-06T09:00:00", true),
    ] {
        assert_eq!(office.holds(at(local, "Europe/Berlin")), expected, "{local}");
    }
    assert!(!office.holds(at("2026-11-27T18:30:00", "UTC")), "19:30 in Berlin");
    assert!(!office.holds(u64::MAX), "no such time");
}

#[test]
fn hours_past_midnight_are_of_the_day_they_began_on() {
    let night = schedule("America/New_York", "days = [\"fri\"]\nhours = \"22:00-02:00\"");
    for (local, expected) in [
        ("2026-11-27T21:59:00", false),
        ("2026-11-27T22:00:00", true),
        ("2026-11-28T01:59:00", true),
        ("2026-11-28T02:00:00", false),
        ("2026-11-27T01:00:00", false),
        ("2026-11-28T22:00:00", false),
    ] {
        assert_eq!(night.holds(at(local, "America/New_York")), expected, "{local}");
    }
    assert!(schedule("UTC", "hours = \"18:00-24:00\"").holds(at("2026-11-27T23:59:59", "UTC")));
}

#[test]
fn a_date_is_a_whole_day_of_the_shop() {
    let sale = schedule("Europe/Berlin", "from = 2026-11-27\nuntil = 2026-11-30");
    assert!(!sale.holds(at("2026-11-26T23:59:59", "Europe/Berlin")));
    assert!(sale.holds(at("2026-11-27T00:00:00", "Europe/Berlin")));
    assert!(sale.holds(at("2026-11-30T23:59:59", "Europe/Berlin")));
    assert!(!sale.holds(at("2026-12-01T00:00:00", "Europe/Berlin")));
    assert_eq!(sale.until(), Some(at("2026-12-01T00:00:00", "Europe/Berlin")));
    let exact = schedule(
        "Europe/Berlin",
        "from = 2026-11-27T12:00:00Z\nuntil = 2026-11-27T23:00:00\ntime_zone = \"Asia/Tokyo\"",
    );
    assert_eq!(exact.from(), Some(at("2026-11-27T12:00:00", "UTC")));
    assert_eq!(schedule("UTC", "until = 2026-11-27T15:00:00+02:00").until(), Some(at("2026-11-27T13:00:00", "UTC")));
}

#[test]
fn what_is_no_time_is_refused() {
    for (toml, said) in [
        ("from = 2026-12-01\nuntil = 2026-11-30", "never be made"),
        ("from = 09:00:00", "a date or a date with a time"),
        ("days = []", "`days` is empty"),
        ("days = [\"Monday\"]", "a day is one of mon, "),
        ("hours = \"9-18\"", "a stretch of the day"),
        ("hours = \"09:00-09:00\"", "a stretch of the day"),
        ("hours = \"09:00-24:01\"", "a stretch of the day"),
        ("hours = \"24:00-09:00\"", "a stretch of the day"),
        ("time_zone = \"Berlin\"", "a name such as \"Europe/Berlin\""),
    ] {
        #[derive(Deserialize)]
        struct File {
            schedule: Spanned<ScheduleEntry>,
        }
        let text = format!("[schedule]\n{toml}");
        let file: File = toml::from_str(&text).expect("TOML");
        let mut check = Check::new(&text);
        check.schedule(Some(&file.schedule), &TimeZone::UTC);
        let problems = check.refuse().problems;
        let [problem] = problems.as_slice() else { panic!("{toml}: {problems:?}") };
        assert!(problem.message.contains(said), "{toml}: {problem}");
    }
}

#[test]
fn budgets_begin_anew_with_the_shops_days() {
    let always = Schedule::always(zone("Europe/Berlin"));
    let span = |period, local| {
        let span = always.span(period, at(local, "Europe/Berlin")).expect("a period");
        (span.from, span.until)
    };
    let local = |text| at(text, "Europe/Berlin");
    let day = span(Period::Day, "2026-11-27T15:00:00");
    assert_eq!(day, (local("2026-11-27T00:00:00"), local("2026-11-28T00:00:00")));
    let week = span(Period::Week, "2026-11-29T23:59:59");
    assert_eq!(week, (local("2026-11-23T00:00:00"), local("2026-11-30T00:00:00")), "from Monday to Sunday");
    assert_eq!(span(Period::Week, "2026-11-23T00:00:00"), week);
    let month = span(Period::Month, "2026-02-28T23:00:00");
    assert_eq!(month, (local("2026-02-01T00:00:00"), local("2026-03-01T00:00:00")));
    // Clocks go back: the day has 25 hours, and no moment of it is in none.
    let (from, until) = span(Period::Day, "2026-10-25T02:30:00");
    assert_eq!(until - from, 25 * 3_600_000);
    assert_eq!(span(Period::Total, "2026-10-25T02:30:00"), (0, u64::MAX));
}

proptest::proptest! {
    /// Every moment is in exactly one day, week and month, whatever the clocks do.
    #[test]
    fn periods_tile_time(at in 0_u64..4_000_000_000_000, name in proptest::sample::select(vec![
        "UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana",
    ])) {
        let always = Schedule::always(zone(name));
        for period in [Period::Day, Period::Week, Period::Month] {
            let span = always.span(period, at).expect("a period");
            proptest::prop_assert!((span.from..span.until).contains(&at), "{period:?} {span:?}");
            let next = always.span(period, span.until).expect("a period");
            proptest::prop_assert_eq!(next.from, span.until);
            proptest::prop_assert_eq!(always.span(period, span.until - 1), Some(span));
        }
    }
}
