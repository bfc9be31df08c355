//! Which segments make up the log, and how far it was seen to reach.

use waver_store::decoders::{manifest_around, manifest_folders, rewritten_manifest, witness, witness_file};

/// Bytes of what a slot of a witness says: an offset and a checksum.
const SEEN: usize = 8 + 16;

pub(crate) fn run(bytes: &[u8]) {
    manifest(bytes);
    manifest(&manifest_around(bytes));
    let _ = witness(bytes);
    damaged_witness(bytes);
}

fn manifest(file: &[u8]) {
    let Some(rewritten) = rewritten_manifest(file) else { return };
    assert_eq!(rewritten_manifest(&rewritten).as_ref(), Some(&rewritten));
    let folders = manifest_folders(file);
    assert!(!folders.is_empty() && folders == manifest_folders(&rewritten));
    for folder in folders {
        let plain = folder.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        assert!(plain && folder.len() >= 20 && !folder.starts_with('.'), "`{folder}` is no name of a segment");
    }
}

/// Two slots, and changes to their file: two bytes of a place and one that is put there. What is read is one of the two, or nothing.
fn damaged_witness(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first_chunk::<SEEN>() else { return };
    let Some((second, changes)) = rest.split_first_chunk::<SEEN>() else { return };
    let written = [first, second].map(|seen| {
        let (end, checksum) = seen.split_first_chunk::<8>().expect("it is longer");
        (u64::from_le_bytes(*end), <[u8; 16]>::try_from(checksum).expect("it is as long"))
    });
    let mut file = witness_file(written);
    let last = if written[0].0 > written[1].0 { written[0] } else { written[1] };
    assert_eq!(witness(&file), Some(last));
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % file.len();
        file[place] = change[2];
    }
    assert!(witness(&file).is_none_or(|read| written.contains(&read)), "it reads what was never written");
}
