//! The key file: slots of keys, and the names that keys have.

use std::collections::BTreeSet;

use waver_store::decoders::{KEY_SLOT_BYTES, KeySlot, key_file, key_slot, mend_key_slot};
use waver_store::{KeyName, SecretKey};

use crate::disk::in_a_folder;

/// The first byte says of which slots the checksum is mended, so that what is inside is read.
pub(crate) fn run(bytes: &[u8]) {
    let Some((mended, bytes)) = bytes.split_first() else { return };
    let mut file = bytes.to_vec();
    for (place, slot) in file.chunks_exact_mut(KEY_SLOT_BYTES).enumerate() {
        let slot: &mut [u8; KEY_SLOT_BYTES] = slot.try_into().expect("it is as long");
        if mended >> (place % 8) & 1 == 1 {
            mend_key_slot(place + 1, slot);
        }
        check(place + 1, slot);
    }
    in_a_folder(|folder| {
        // What a start finds, and clears, the next one finds as it is.
        if let Ok([first, second]) = key_file(folder, &file) {
            assert_eq!(first, second);
            assert!(first.len() <= file.len() / KEY_SLOT_BYTES);
            assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len(), "a name is there twice");
        }
    });
}

fn check(number: usize, slot: &[u8; KEY_SLOT_BYTES]) {
    let is_free = slot.iter().all(|byte| *byte == 0);
    match key_slot(number, slot) {
        KeySlot::Free => assert!(is_free),
        KeySlot::Torn => assert!(slot.starts_with(&[0; 8]) || slot.ends_with(&[0; 8])),
        KeySlot::Damaged => assert!(!is_free),
        KeySlot::Key(name, key, written) => {
            let again = key_slot(number, &written);
            assert!(
                matches!(&again, KeySlot::Key(same, same_key, _) if *same == name && same_key.as_bytes() == key.as_bytes())
            );
            assert!(!matches!(key_slot(number + 1, slot), KeySlot::Key(..)), "a slot in another's place is taken");
            named(&name, &key);
        }
    }
}

/// Whoever knows a name writes it as it was.
fn named(name: &KeyName, key: &SecretKey) {
    if let Some(rewritten) = waver::decoders::rewritten_key_name(name) {
        assert_eq!(waver::decoders::rewritten_key_name(&rewritten), Some(rewritten));
    }
    if let Some((same, tombstone)) = waver::decoders::rewritten_tombstone(name, key) {
        assert_eq!(same, *name);
        assert_eq!(tombstone.as_bytes()[..24], key.as_bytes()[..24]);
    }
    let _ = waver::decoders::day_of_commitments(name);
}
