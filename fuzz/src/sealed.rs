//! Sealed payloads of the log and sealed rows of snapshots.

use std::cell::RefCell;

use waver::decoders::Seals;
use waver_store::{Pseudonym, Record, RecordKind};

thread_local! {
    static SEALS: RefCell<Option<Seals>> = const { RefCell::new(None) };
}

/// The first byte is how many changes follow, each two bytes of a place and one that is put there; then comes what is sealed.
pub(crate) fn run(bytes: &[u8]) {
    SEALS.with_borrow_mut(|seals| check(seals.get_or_insert_with(Seals::new), bytes));
}

fn check(seals: &Seals, bytes: &[u8]) {
    for kind in [RecordKind::Batch, RecordKind::Decision, RecordKind::DeadLetter] {
        let envelope = seals.sealed(kind, &[]).expect("it is sealed").expect("one record");
        let as_it_came = Record { payload: bytes.to_vec(), ..envelope };
        // A fuzzer looks on while the tag is compared, and so comes to forge it; what it then opens is anything.
        let _ = seals.opened(as_it_came.clone());
        let of_a_stranger = Record { pseudonym: Pseudonym::from_bytes([9; 16]), ..as_it_came };
        assert!(!matches!(seals.opened(of_a_stranger), Ok(Some(_))));
    }
    let _ = seals.opened_row(bytes);

    let Some((changes, rest)) = bytes.split_first() else { return };
    let (changes, plain) = rest.split_at((3 * usize::from(*changes)).min(rest.len()));
    let record = seals.sealed(RecordKind::Batch, plain).expect("it is sealed").expect("one record");
    let mut payload = record.payload.clone();
    let is_changed = change(&mut payload, changes);
    match seals.opened(Record { payload, ..record }) {
        Ok(opened) => assert_eq!((is_changed, opened.as_deref()), (false, Some(plain))),
        Err(_) => assert!(is_changed),
    }
    let mut row = seals.sealed_row(plain).expect("it is sealed").expect("its session has a key");
    let is_changed = change(&mut row, changes);
    match seals.opened_row(&row) {
        // Of another epoch, by a changed byte, the key is gone.
        Ok(None) | Err(_) => assert!(is_changed),
        Ok(Some(opened)) => assert_eq!(opened, plain),
    }
}

/// Whether that made it another one.
fn change(sealed: &mut [u8], changes: &[u8]) -> bool {
    let before = sealed.to_vec();
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % sealed.len();
        sealed[place] = change[2];
    }
    before != sealed
}
