//! A group of records as it lies in the log, bare and in its chained value.

use waver_store::decoders::{chained_group, group, group_bytes};
use waver_store::{DecodeError, Record};

pub(crate) fn run(bytes: &[u8]) {
    check(bytes, group(bytes));
    check(bytes, chained_group(bytes));
}

fn check(bytes: &[u8], read: Result<Vec<Record>, DecodeError>) {
    let Ok(records) = read else { return };
    let held: usize = records.iter().map(|record| record.payload.len()).sum();
    assert!(held <= bytes.len() && records.len() <= bytes.len(), "it holds more than was read");
    let rewritten = group_bytes(&records).expect("what was read can be written");
    assert_eq!(group(&rewritten).as_ref(), Ok(&records));
}
