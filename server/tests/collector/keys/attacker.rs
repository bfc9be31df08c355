//! Somebody with a copy of everything but what was destroyed, who knows how the collector works.

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde_bytes::ByteBuf;
use tempfile::TempDir;
use waver_store::{ExportReader, FileKeys, Frame, KeyStore, Pseudonym, Record};

use crate::harness::{ADMIN_TOKEN, Caller};

/// The log, as a backup has it.
pub(super) struct Dump {
    pub(super) records: Vec<Record>,
}

impl Dump {
    pub(super) async fn of(caller: &Caller) -> Dump {
        let answer = caller.request("GET", "/v1/export").bearer_auth(ADMIN_TOKEN).send().await.expect("an answer");
        Dump::from(&answer.bytes().await.expect("a backup")[..])
    }

    pub(super) fn read(path: &Path) -> Dump {
        Dump::from(std::fs::File::open(path).expect("a backup"))
    }

    fn from(backup: impl Read) -> Dump {
        let mut reader = ExportReader::begin(backup).expect("a backup");
        let mut records = Vec::new();
        while let Some(frame) = reader.next_frame().expect("whole") {
            if let Frame::Log(_, group) = frame {
                records.extend(group);
            }
        }
        Dump { records }
    }

    /// The sealed records that any key opens, alone or together with any other.
    pub(super) fn readable(&self, keys: &[[u8; 32]]) -> Vec<usize> {
        let sealed = self.records.iter().enumerate().filter(|(_, record)| record.key_id.is_some());
        sealed.filter(|(_, record)| opens(record, keys)).map(|(index, _)| index).collect()
    }
}

fn opens(record: &Record, keys: &[[u8; 32]]) -> bool {
    let (readable, nonce, sealed): (ByteBuf, [u8; 24], ByteBuf) =
        postcard::from_bytes(&record.payload).expect("of the form of what is sealed");
    let aad = [&[record.kind as u8][..], record.pseudonym.as_bytes(), record.site.as_str().as_bytes(), &[0], &readable];
    let aad = aad.concat();
    let opens = |key: &[u8; 32]| {
        let cipher = XChaCha20Poly1305::new(key.into());
        cipher.decrypt(&XNonce::from(nonce), Payload { msg: &sealed, aad: &aad }).is_ok()
    };
    let together = |one: &[u8; 32], other: &[u8; 32]| {
        let mut hasher = blake3::Hasher::new_keyed(one);
        hasher.update(other).update(record.pseudonym.as_bytes());
        *hasher.finalize().as_bytes()
    };
    keys.iter().any(opens) || keys.iter().any(|one| keys.iter().any(|other| opens(&together(one, other))))
}

/// Every key in every key file of a data folder, whatever it is for, and whatever else stands where a key would.
pub(super) async fn surviving_keys(data: &Path) -> Vec<[u8; 32]> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(data.join("keys")).expect("lists") {
        let path = entry.expect("lists").path();
        if path.extension().is_some_and(|extension| extension == "keys") {
            found.extend(keys_in(&path).await);
        }
    }
    found.into_iter().collect()
}

/// Those of one file.
pub(super) async fn keys_in(file: &Path) -> Vec<[u8; 32]> {
    // A copy: the file itself belongs to the collector alone.
    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("copy.keys");
    std::fs::copy(file, &copy).expect("copies");
    let bytes = std::fs::read(&copy).expect("reads");
    let keys = FileKeys::open(&copy).expect("opens").all().await.expect("reads");
    let mut found: BTreeSet<[u8; 32]> = keys.iter().map(|(_, key)| *key.as_bytes()).collect();
    // What is left of others would stand in a slot: 128 bytes, and the key in the 32 before the last.
    found.extend(bytes.chunks_exact(128).skip(1).map(|slot| <[u8; 32]>::try_from(&slot[64..96]).expect("32 bytes")));
    found.remove(&[0; 32]);
    found.into_iter().collect()
}

const CONTEXTS: [&str; 3] = [
    "waver 2026-11-21 pseudonyms of sessions that may be measured and personalised",
    "waver 2026-11-21 pseudonyms of sessions that may be measured",
    "waver 2026-11-21 pseudonyms of sessions that may be personalised",
];

/// Every pseudonym that `id` would have under any of these keys, used in any way that the collector uses one.
fn pseudonyms<'a>(id: &str, keys: &'a [[u8; 32]], sites: &'a [&str]) -> impl Iterator<Item = Pseudonym> + use<'a> {
    let bytes: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("hex")).collect();
    keys.iter().flat_map(move |key| {
        let derived = CONTEXTS.iter().map(|context| blake3::derive_key(context, key)).chain([*key]);
        let bytes = bytes.clone();
        derived.flat_map(move |key| {
            let bytes = bytes.clone();
            sites.iter().map(move |site| {
                let mut hasher = blake3::Hasher::new_keyed(&key);
                hasher.update(site.as_bytes()).update(&[0]).update(&bytes);
                let mut pseudonym = [0; 16];
                hasher.finalize_xof().fill(&mut pseudonym);
                Pseudonym::from_bytes(pseudonym)
            })
        })
    })
}

/// How many of `among` the attacker finds the session ids of.
pub(super) fn named(ids: &[String], keys: &[[u8; 32]], sites: &[&str], among: &[Pseudonym]) -> usize {
    let known: HashSet<Pseudonym> = ids.iter().flat_map(|id| pseudonyms(id, keys, sites)).collect();
    among.iter().filter(|pseudonym| known.contains(pseudonym)).count()
}

/// Who is who, with the ids and the keys of all times: what the attacker does not have.
pub(super) fn truth(
    ids: &[String],
    keys: &[[u8; 32]],
    left: &[Pseudonym],
    right: &[Pseudonym],
) -> HashSet<(Pseudonym, Pseudonym)> {
    let mut pairs = HashSet::new();
    for id in ids {
        let all: HashSet<Pseudonym> = pseudonyms(id, keys, &["demo", "strict"]).collect();
        let one_of = |group: &[Pseudonym]| group.iter().copied().find(|pseudonym| all.contains(pseudonym));
        pairs.extend(one_of(left).zip(one_of(right)));
    }
    pairs
}

/// Pairs by the order of the pseudonyms, by as many bits in common as can be, and by as few.
pub(super) fn guesses(left: &[Pseudonym], right: &[Pseudonym]) -> Vec<Vec<(Pseudonym, Pseudonym)>> {
    let apart = |one: &Pseudonym, other: &Pseudonym| {
        let bits = one.as_bytes().iter().zip(other.as_bytes()).map(|(one, other)| (one ^ other).count_ones());
        bits.sum::<u32>()
    };
    let by_order = left.iter().copied().zip(right.iter().copied()).collect();
    let nearest = |sign: i64| {
        let of = |one: &Pseudonym| right.iter().min_by_key(|other| sign * i64::from(apart(one, other))).copied();
        left.iter().filter_map(|one| Some((*one, of(one)?))).collect()
    };
    vec![by_order, nearest(1), nearest(-1)]
}
