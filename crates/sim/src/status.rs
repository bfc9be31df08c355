//! Tells how the shoppers are doing: one line that stays fresh on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use waver_sim::visit::{Count, Tally};

const ON_TERMINAL: Duration = Duration::from_secs(1);
const ELSEWHERE: Duration = Duration::from_secs(10);

/// Tells until it is dropped.
pub(crate) async fn tell(tally: &Tally) {
    let terminal = std::io::stdout().is_terminal();
    let mut pace = tokio::time::interval(if terminal { ON_TERMINAL } else { ELSEWHERE });
    pace.tick().await;
    loop {
        pace.tick().await;
        print(tally, terminal);
    }
}

/// The last line, which stays.
pub(crate) fn tell_end(tally: &Tally) {
    let terminal = std::io::stdout().is_terminal();
    print(tally, terminal);
    if terminal {
        println!();
    }
}

fn print(tally: &Tally, terminal: bool) {
    let line = line(tally);
    if terminal {
        // Back to the start of the line, clear it, and cut off what does not fit instead of wrapping it.
        print!("\r\x1b[K\x1b[?7l{line}\x1b[?7h");
        let _ = std::io::stdout().flush();
    } else {
        println!("{line}");
    }
}

fn line(tally: &Tally) -> String {
    let count = |count| tally.get(count);
    let mut line = format!(
        "shoppers {} here, {} came, {} refused consent | events {} stored, {} duplicate, {} rejected | offers {} shown, {} taken | \
         orders {}",
        tally.live(),
        count(Count::Shoppers),
        count(Count::Refusals),
        count(Count::EventsStored),
        count(Count::EventsDuplicate),
        count(Count::EventsRejected) + count(Count::EventsRefused),
        count(Count::OffersExposed),
        count(Count::OffersAccepted),
        count(Count::Purchases),
    );
    for (what, how_many) in [
        ("turned away", count(Count::TurnedAway)),
        ("sent again", count(Count::Retries)),
        ("events lost", count(Count::EventsLost)),
        ("sessions lost", count(Count::SessionsLost)),
    ] {
        if how_many > 0 {
            line.push_str(&format!(" | {how_many} {what}"));
        }
    }
    line
}
