//! What the module costs the page's main thread, read from the browser's own trace. All times are of the thread's own clock, so that other processes of
//! a busy machine do not count.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::devtools::Slice;

/// The mark that pages set when they are told something, by [`super::shopper::Conditions::marked`].
pub(super) const TOLD: &str = "waver-told";
/// From here on a task is a long one, as the specification of long tasks has it.
const LONG_US: f64 = 50_000.0;

/// What was measured.
#[derive(Debug, Default)]
pub struct Cost {
    /// Microseconds from the beginning of a signal's handler to the page's callback, for each callback.
    pub to_callback: Vec<f64>,
    /// Callbacks inside of calls that are not ours: a shop's script that pushed to its data layer. Their own part cannot be told from the shop's.
    pub within_others: usize,
    /// Microseconds of each call of ours, by what it was called for.
    pub calls: BTreeMap<String, Vec<f64>>,
    /// Microseconds of ours in each task of the main thread that has any.
    pub tasks: Vec<f64>,
}

/// The quantiles of some measurements, microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Quantiles {
    /// How many there are.
    pub count: usize,
    /// The middle one.
    pub p50: f64,
    /// That of which one in a hundred is above.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Quantiles {
    /// Of all of them; zeros if there are none.
    pub fn of(measured: &[f64]) -> Quantiles {
        let mut sorted = measured.to_vec();
        sorted.sort_by(f64::total_cmp);
        // The nearest rank: the smallest value with at least that share at or below it.
        let at = |share: f64| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
        };
        Quantiles { count: sorted.len(), p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

/// A slice of one thread, as a stretch of its clock.
#[derive(Clone, Copy)]
struct Stretch<'a> {
    slice: &'a Slice,
    from: f64,
    to: f64,
}

impl Cost {
    /// Adds what a trace shows. `ours` is the origin of the collector, from which the module comes.
    pub fn add(&mut self, trace: &[Slice], ours: &str) {
        let name = |slice: &&Slice| slice.name == "thread_name" && slice.args["name"] == "CrRendererMain";
        let main: HashSet<(u64, u64)> = trace.iter().filter(name).map(|slice| (slice.pid, slice.tid)).collect();
        let mut threads: HashMap<(u64, u64), Vec<&Slice>> = HashMap::new();
        for slice in trace {
            let thread = (slice.pid, slice.tid);
            if main.contains(&thread) {
                threads.entry(thread).or_default().push(slice);
            }
        }
        for slices in threads.values() {
            self.add_thread(slices, ours);
        }
    }

    fn add_thread(&mut self, slices: &[&Slice], ours: &str) {
        let stretches = |wanted: &dyn Fn(&Slice) -> bool| -> Vec<Stretch<'_>> {
            let mut found: Vec<Stretch<'_>> = slices
                .iter()
                .filter(|slice| slice.phase == "X" && wanted(slice))
                .filter_map(|slice| {
                    let from = slice.thread_at_us?;
                    Some(Stretch { slice, from, to: from + slice.thread_us? })
                })
                .collect();
            found.sort_by(|a, b| a.from.total_cmp(&b.from).then(b.to.total_cmp(&a.to)));
            found
        };
        let calls = outermost(stretches(&|slice| is_ours(slice, ours)));
        let occasions = stretches(&|slice| occasion(slice).is_some());
        for call in &calls {
            let around = enclosing(&occasions, call.from, call.to).and_then(|stretch| occasion(stretch.slice));
            self.calls.entry(around.unwrap_or_else(|| "other".to_owned())).or_default().push(call.to - call.from);
        }
        for told in slices.iter().filter(|slice| slice.name == TOLD) {
            let Some(at) = told.thread_at_us else { continue };
            match enclosing(&calls, at, at) {
                Some(call) => self.to_callback.push(at - call.from),
                None => self.within_others += 1,
            }
        }
        for task in outermost(stretches(&|slice| slice.name == "RunTask")) {
            let inside = calls.iter().filter(|call| task.from <= call.from && call.to <= task.to);
            let share: f64 = inside.map(|call| call.to - call.from).sum();
            if share > 0.0 {
                self.tasks.push(share);
            }
        }
    }

    /// How many tasks have more than 50 ms of ours in them.
    pub fn long_tasks(&self) -> usize {
        self.tasks.iter().filter(|share| **share > LONG_US).count()
    }
}

/// Whether this is code of ours: a call into the module or its loader, their compilation, or what follows from promises. Promises of the shop's own
/// scripts cannot be told from ours, and count as ours.
fn is_ours(slice: &Slice, ours: &str) -> bool {
    let url = || slice.args["data"]["url"].as_str().or(slice.args["fileName"].as_str()).unwrap_or_default();
    match slice.name.as_str() {
        "RunMicrotasks" => true,
        "FunctionCall" | "EvaluateScript" | "v8.compile" => url().starts_with(ours),
        name => name.starts_with("v8.wasm") || name.starts_with("wasm."),
    }
}

/// What a slice is called for, if it is something that calls.
fn occasion(slice: &Slice) -> Option<String> {
    match slice.name.as_str() {
        "EventDispatch" => slice.args["data"]["type"].as_str().map(str::to_owned),
        "TimerFire" => Some("a timer".to_owned()),
        "FireAnimationFrame" => Some("a frame".to_owned()),
        _ => None,
    }
}

/// Those of sorted stretches that are in no other one of them.
fn outermost(sorted: Vec<Stretch<'_>>) -> Vec<Stretch<'_>> {
    let mut end = f64::NEG_INFINITY;
    let mut outer = Vec::new();
    for stretch in sorted {
        if stretch.to > end {
            end = stretch.to;
            outer.push(stretch);
        }
    }
    outer
}

/// The innermost of sorted stretches around these two instants.
fn enclosing<'a, 'b>(sorted: &'b [Stretch<'a>], from: f64, to: f64) -> Option<&'b Stretch<'a>> {
    let begun = sorted.partition_point(|stretch| stretch.from <= from);
    // No handler is nested deeper than this.
    sorted[..begun].iter().rev().take(64).find(|stretch| to <= stretch.to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn slice(name: &str, from: f64, us: f64, args: Value) -> Slice {
        let phase = if us > 0.0 { "X" } else { "I" };
        serde_json::from_value(json!({
            "name": name, "ph": phase, "ts": 0, "tts": from, "tdur": us, "pid": 1, "tid": 2, "args": args,
        }))
        .expect("a slice")
    }

    #[test]
    fn a_callback_counts_from_the_beginning_of_our_call_and_a_task_only_with_our_part() {
        let url = |url: &str| json!({ "data": { "url": url } });
        let trace = [
            slice("thread_name", 0.0, 0.0, json!({ "name": "CrRendererMain" })),
            slice("RunTask", 1_000.0, 90_000.0, json!({})),
            slice("EventDispatch", 1_100.0, 70_000.0, json!({ "data": { "type": "click" } })),
            slice("FunctionCall", 1_200.0, 60_000.0, url("http://shop/shop.js")),
            slice("waver-told", 1_300.0, 0.0, json!({})),
            slice("FunctionCall", 62_000.0, 800.0, url("http://ours/sdk/waver.js")),
            slice("FunctionCall", 62_100.0, 300.0, url("http://ours/sdk/waver.js")),
            slice("waver-told", 62_450.0, 0.0, json!({})),
        ];
        let mut cost = Cost::default();
        cost.add(&trace, "http://ours/");
        assert_eq!((cost.to_callback.as_slice(), cost.within_others), (&[450.0][..], 1));
        assert_eq!(cost.calls["click"], [800.0]);
        assert_eq!((cost.tasks.as_slice(), cost.long_tasks()), (&[800.0][..], 0));
    }

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let measured: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let quantiles = Quantiles::of(&measured);
        assert_eq!((quantiles.p50, quantiles.p99, quantiles.max), (100.0, 198.0, 200.0));
        assert_eq!(Quantiles::of(&[]).max, 0.0);
    }
}
