//! The forms of lines. There is one way to write each, so that no byte can be another and mean the same.

use super::{Head, LEDGER_BODY_BYTES, LedgerEntry, LedgerHash, LedgerRoot};

/// Names the hash among all other uses of BLAKE3.
const CONTEXT: &str = "waver 2026-11-21 entry of the consent ledger";
const HEADER: &str = "waver consent ledger, version 1, after ";
const HEAD: &str = "waver consent ledger head, version 1";
/// Most bytes of a line: a hash, three numbers and four spaces beside the body.
pub(super) const LINE_BYTES: usize = LEDGER_BODY_BYTES + 64 + 3 * 20 + 4;

/// The first line of a segment that begins behind the entry of that hash.
pub(super) fn header(after: LedgerHash) -> String {
    format!("{HEADER}{after}\n")
}

/// The hash in a header, without its line feed.
pub(super) fn after(line: &str) -> Option<LedgerHash> {
    hash(line.strip_prefix(HEADER)?)
}

/// An entry's line and its hash.
pub(super) fn of_entry(before: LedgerHash, number: u64, entry: &LedgerEntry) -> (String, LedgerHash) {
    let LedgerEntry { at, offset, body } = entry;
    let rest = format!("{number} {at} {offset} {body}");
    let hash = hash_of(before, &rest);
    (format!("{hash} {rest}\n"), hash)
}

/// Reads an entry's line, without its line feed, as the one behind the entry of hash `before`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn entry(before: LedgerHash, line: &str) -> Result<(u64, LedgerEntry, LedgerHash), &'static str> {
    let (stated, rest) = line.split_once(' ').ok_or("it is no entry")?;
    let stated = hash(stated).ok_or("it is no entry")?;
    if stated != hash_of(before, rest) {
        return Err(
            "its hash does not follow from it and the entry before: one of them was altered, moved, added or removed",
        );
    }
    let mut parts = rest.splitn(4, ' ');
    let mut next = || parts.next().and_then(number);
    let (Some(number), Some(at), Some(offset)) = (next(), next(), next()) else { return Err("it is no entry") };
    let body = parts.next().ok_or("it is no entry")?.to_owned();
    Ok((number, LedgerEntry { at, offset, body }, stated))
}

fn hash_of(before: LedgerHash, rest: &str) -> LedgerHash {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(before.as_bytes()).update(rest.as_bytes());
    LedgerHash(*hasher.finalize().as_bytes())
}

/// The whole file.
pub(super) fn of_head(head: &Head) -> String {
    let Head { begin, segment, bytes, root } = head;
    let offset = root.offset.map_or("-".to_owned(), |offset| offset.to_string());
    format!(
        "{HEAD}\nbegin {begin}\nsegment {segment}\nbytes {bytes}\nentries {}\noffset {offset}\nroot {}\n",
        root.entries, root.hash
    )
}

/// Reads the whole file.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    let text = str::from_utf8(bytes).ok()?;
    let mut lines = text.split('\n');
    (lines.next()? == HEAD).then_some(())?;
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let head = Head {
        begin: number(field("begin")?)?,
        segment: number(field("segment")?)?,
        bytes: number(field("bytes")?)?,
        root: {
            let entries = number(field("entries")?)?;
            let offset = match field("offset")? {
                "-" => None,
                offset => Some(number(offset)?),
            };
            LedgerRoot { entries, offset, hash: hash(field("root")?)? }
        },
    };
    (of_head(&head).as_bytes() == bytes && (1..=head.segment).contains(&head.begin)).then_some(head)
}

/// A number as it is written, and no other way.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

fn hash(text: &str) -> Option<LedgerHash> {
    let is_plain = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate().take_while(|_| is_plain) {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    is_plain.then_some(LedgerHash(bytes))
}
