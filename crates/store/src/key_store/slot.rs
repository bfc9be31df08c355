//! The bytes of a slot: version, length of the name, name, key, checksum.

use zeroize::Zeroizing;

use super::NAME_BYTES;
use crate::{KeyName, SecretKey};

/// Bytes of a slot. A disk writes sectors of at least four of them.
pub(super) const SLOT_BYTES: usize = 128;

pub(super) type Slot = [u8; SLOT_BYTES];

const VERSION: u8 = 1;
const NAME: usize = 2;
const KEY: usize = NAME + NAME_BYTES;
const CHECKSUM: usize = KEY + 32;

/// What is in a slot.
pub(super) enum Contents {
    /// Zeros.
    Free,
    /// A key.
    Key(KeyName, SecretKey),
    /// Zeros up to or from somewhere: a write or a clearing that did not come to its end.
    Torn,
    /// Anything else.
    Damaged,
}

pub(super) fn bytes(number: usize, name: &KeyName, key: &SecretKey) -> Zeroizing<Slot> {
    let name = name.as_bytes();
    let mut slot = Zeroizing::new([0; SLOT_BYTES]);
    slot[0] = VERSION;
    slot[1] = u8::try_from(name.len()).unwrap_or_default();
    slot[NAME..NAME + name.len()].copy_from_slice(name);
    slot[KEY..CHECKSUM].copy_from_slice(key.as_bytes());
    put_checksum(number, &mut slot);
    slot
}

pub(super) fn put_checksum(number: usize, slot: &mut Slot) {
    let checksum = checksum(number, slot);
    slot[CHECKSUM..].copy_from_slice(&checksum);
}

pub(super) fn contents(number: usize, slot: &Slot) -> Contents {
    const EDGE: usize = size_of::<u64>();
    if slot.iter().all(|byte| *byte == 0) {
        return Contents::Free;
    }
    if slot[0] == VERSION && slot[CHECKSUM..] == checksum(number, slot) {
        let name = slot[NAME..KEY].get(..usize::from(slot[1])).and_then(|name| KeyName::new(name).ok());
        let key = <[u8; 32]>::try_from(&slot[KEY..CHECKSUM]).map(SecretKey::from_bytes);
        return match (name, key) {
            (Some(name), Ok(key)) => Contents::Key(name, key),
            _ => Contents::Damaged,
        };
    }
    // No whole slot begins or ends with so many zeros, and one wrong byte makes none.
    if slot[..EDGE] == [0; EDGE] || slot[SLOT_BYTES - EDGE..] == [0; EDGE] { Contents::Torn } else { Contents::Damaged }
}

/// Of the slot's number too, so that a slot in another's place is noticed.
fn checksum(number: usize, slot: &Slot) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(number as u64).to_be_bytes());
    hasher.update(&slot[..CHECKSUM]);
    hasher.finalize().into()
}
