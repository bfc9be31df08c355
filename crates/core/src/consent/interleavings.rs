//! The gate held against every order in which several sources can speak, and against a plain statement of the rule.

use proptest::prelude::*;

use super::*;

use ConsentChoice::{Denied, Granted, Unknown};

/// A source speaks.
type Step = (ConsentSource, Option<Reading>);

/// The rule, said once more and independently: granted by some source that can, denied by none, and nobody still silent.
fn granted_by_rule(readings: &[Step], purpose: Purpose) -> bool {
    let said: Vec<_> =
        readings.iter().filter_map(|(source, reading)| Some((*source, (*reading)?.of(purpose)?))).collect();
    let vetoes = [ConsentSource::Gpc, ConsentSource::Dnt, ConsentSource::Usp, ConsentSource::OtherTab];
    said.iter().all(|(_, choice)| *choice == Granted) && said.iter().any(|(source, _)| !vetoes.contains(source))
}

/// What the shell does about changes, and what must hold of it: sessions that begin and end, and what is permitted meanwhile.
#[derive(Default)]
struct Tab {
    gate: Gate,
    last: Vec<Step>,
    /// The set that the running session was begun for.
    session: Option<PurposeSet>,
    erasures: u32,
    waiting: Vec<(Consented<u32>, u32)>,
    changes: u32,
}

impl Tab {
    fn hear(&mut self, source: ConsentSource, reading: Option<Reading>) {
        self.last.retain(|(known, _)| *known != source);
        self.last.push((source, reading));
        let before = self.gate.granted();
        let change = self.gate.read(source, reading);
        for purpose in Purpose::ALL {
            assert_eq!(self.gate.is_granted(purpose), granted_by_rule(&self.last, purpose), "{:?}", self.last);
            assert_eq!(self.gate.choice(purpose) == Granted, self.gate.is_granted(purpose));
            assert_eq!(self.gate.permit(purpose, ()).is_some(), self.gate.is_granted(purpose));
            let source = self.gate.state(purpose).source;
            let names = self.last.iter().any(|(from, said)| Some(*from) == source && said.is_some());
            assert!(names || source.is_none() && !self.gate.is_granted(purpose), "{source:?}");
        }
        self.follow(change, before);
        for purpose in Purpose::ALL {
            if let Some(value) = self.gate.permit(purpose, self.changes) {
                self.waiting.push((value, self.changes));
            }
        }
        for (value, made_at) in &self.waiting {
            let released = self.gate.release(value.clone());
            assert!(released.is_none() || *made_at == self.changes, "permitted before change {}", self.changes);
        }
    }

    fn follow(&mut self, change: GateChange, before: PurposeSet) {
        let now = self.gate.granted();
        if now != before {
            self.changes += 1;
        }
        match change {
            GateChange::Unchanged => assert_eq!(now, before),
            GateChange::Opened => {
                assert_eq!(self.session, None);
                self.session = Some(now);
            }
            GateChange::Widened | GateChange::Narrowed => {
                let old = self.session.replace(now).expect("a session");
                assert_eq!(change == GateChange::Widened, now.contains(old) && now != old);
                self.erasures += u32::from(change == GateChange::Narrowed);
            }
            GateChange::Paused => assert!(now.is_empty() && !before.is_empty()),
            GateChange::Resumed => assert_eq!(self.session, Some(now)),
            GateChange::Closed => {
                assert!(now.is_empty() && self.session.take().is_some(), "one withdrawal for one session");
                self.erasures += 1;
            }
        }
        // A session never lives outside the set it was begun for, and is there exactly while something stands.
        assert_eq!(self.session.unwrap_or_default(), self.gate.stands());
        assert!(now.is_empty() || Some(now) == self.session);
    }
}

/// Every way to merge the sources' own orders.
fn each_order(scripts: &[(ConsentSource, Vec<Option<Reading>>)], run: &mut dyn FnMut(&[Step])) {
    fn go<'a>(
        scripts: &'a [(ConsentSource, Vec<Option<Reading>>)],
        taken: &mut Vec<usize>,
        order: &mut Vec<Step>,
        run: &mut dyn FnMut(&[Step]),
    ) {
        let mut ended = true;
        for (index, (source, script)) in scripts.iter().enumerate() {
            let Some(reading) = script.get(taken[index]) else { continue };
            ended = false;
            taken[index] += 1;
            order.push((*source, *reading));
            go(scripts, taken, order, run);
            order.pop();
            taken[index] -= 1;
        }
        if ended {
            run(order);
        }
    }
    go(scripts, &mut vec![0; scripts.len()], &mut Vec::new(), run);
}

const CHOICES: [ConsentChoice; 3] = [Unknown, Denied, Granted];

#[test]
fn every_interleaving_of_a_tool_a_dialogue_a_page_and_a_veto_keeps_the_rule() {
    let measure = Some(Reading::new(Granted, Denied));
    let all = |choice| Some(Reading::all(choice));
    let scripts = [
        (ConsentSource::Klaro, vec![measure, all(Granted), all(Denied)]),
        (ConsentSource::Tcf, vec![all(Granted), Some(Reading::PAUSED), measure]),
        (ConsentSource::PageCall, vec![all(Granted), all(Denied)]),
        (ConsentSource::Gpc, vec![all(Denied), None]),
    ];
    let (mut orders, mut opened) = (0, 0);
    each_order(&scripts, &mut |order| {
        let mut tab = Tab::default();
        for (source, reading) in order {
            tab.hear(*source, *reading);
        }
        orders += 1;
        opened += u32::from(tab.changes > 0);
        // All have spoken to the end: the last word of the page is no.
        assert!(!tab.gate.is_open());
    });
    // 10! / (3! 3! 2! 2!), and the tests above would be worth little if the gate never opened.
    assert_eq!(orders, 25_200);
    assert!(opened > 1_000, "{opened}");
}

#[test]
fn the_order_in_which_sources_are_read_decides_nothing() {
    let sources = [ConsentSource::Klaro, ConsentSource::Gpc, ConsentSource::PageCall];
    let mut readings = vec![None, Some(Reading::SILENT), Some(Reading::PAUSED)];
    readings.extend(CHOICES.iter().flat_map(|m| CHOICES.map(|p| Some(Reading::new(*m, p)))));
    for a in &readings {
        for b in &readings {
            for c in &readings {
                let scripts: Vec<_> = sources.into_iter().zip([a, b, c]).map(|(s, r)| (s, vec![*r])).collect();
                let mut ends = Vec::new();
                each_order(&scripts, &mut |order| {
                    let mut gate = Gate::new();
                    gate.read_all(order.iter().copied());
                    ends.push(gate.granted());
                });
                assert!(ends.iter().all(|end| *end == ends[0]), "{scripts:?}");
            }
        }
    }
}

fn reading() -> impl Strategy<Value = Option<Reading>> {
    let choice = || prop_oneof![Just(None), prop::sample::select(&CHOICES[..]).prop_map(Some), Just(Some(Granted))];
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Reading::PAUSED)),
        6 => (choice(), choice()).prop_map(|(measure, personalize)| Some(Reading { measure, personalize, paused: false })),
    ]
}

proptest! {
    #[test]
    fn whatever_the_sources_say_in_whatever_order_the_rule_holds(
        said in prop::collection::vec((prop::sample::select(ConsentSource::ALL), reading()), 0..60)
    ) {
        let mut tab = Tab::default();
        for (source, reading) in said {
            tab.hear(source, reading);
        }
    }
}
