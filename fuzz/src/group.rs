//! A group of records as it lies in the log.

use waver_store::decoders::{group, group_bytes};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(records) = group(bytes) else { return };
    let held: usize = records.iter().map(|record| record.payload.len()).sum();
    assert!(held <= bytes.len() && records.len() <= bytes.len(), "it holds more than was read");
    let rewritten = group_bytes(&records).expect("what was read can be written");
    assert_eq!(group(&rewritten).as_ref(), Ok(&records));
}
