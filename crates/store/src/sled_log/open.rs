//! Opening: what a crash left behind is put in order, and what was acknowledged has to be there.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fs2::FileExt;

use super::chain::{CHECKSUM_BYTES, Checksum, Tail};
use super::manifest::{Manifest, Place, Sealed, segment_folders};
use super::segment::{self, Segment};
use super::witness::{Seen, Witness};
use super::{Current, Shared};
use crate::StoreError;
use crate::folder::{create_private, sync_folders};

const LOCK: &str = "lock";
const WITNESS: &str = "witness";

/// Payloads of a segment that is full. Bounds what sled goes through when it opens one, and the number of its blobs.
const SEGMENT_BYTES: u64 = 256 * 1024 * 1024;

/// What the first value of a log follows.
const NOTHING: Checksum = [0; CHECKSUM_BYTES];

/// Opens or makes the log in `folder`.
pub(super) fn open(folder: &Path, span: Duration) -> Result<Shared, StoreError> {
    let unusable = |source| StoreError::Open { path: folder.to_owned(), source };
    create_private(folder).map_err(unusable)?;
    let lock = take_lock(folder, &folder.join(LOCK))?;
    let manifest = match Manifest::load(folder).map_err(unusable)? {
        Some(manifest) => manifest.map_err(|reason| unreadable(folder, reason))?,
        None => adopt(folder)?,
    };
    let (mut witness, seen) = open_witness(folder)?;
    for place in manifest.places() {
        if !segment::exists(folder, place) {
            return Err(segment::missing(folder, place));
        }
    }
    let active = Segment::open(folder, manifest.active)?;
    if seen.end < manifest.active.first {
        return Err(unreadable(folder, "its witness is older than its segments"));
    }
    let tail = active.recover(seen)?;
    witness.settle(Seen::at(&tail)).map_err(unusable)?;
    remove_leftovers(folder, &manifest).map_err(unusable)?;
    let next_generation = manifest.next_generation;
    Ok(Shared {
        folder: folder.to_owned(),
        span_ms: u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1),
        most_bytes: SEGMENT_BYTES,
        end: AtomicU64::new(tail.end),
        current: Mutex::new(Current { manifest, active: Arc::new(active), tail }),
        changing: Mutex::default(),
        generation: AtomicU32::new(next_generation),
        reading: Mutex::default(),
        trimming: Mutex::default(),
        witness: Mutex::new(witness),
        _lock: lock,
    })
}

fn unreadable(folder: &Path, reason: &str) -> StoreError {
    StoreError::Unreadable { path: folder.to_owned(), reason: reason.to_owned() }
}

/// Locks the file at `path`, for as long as it is kept.
fn take_lock(folder: &Path, path: &Path) -> Result<File, StoreError> {
    let unusable = |source| StoreError::Open { path: folder.to_owned(), source };
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(unusable)?;
    match FileExt::try_lock_exclusive(&file) {
        Ok(()) => Ok(file),
        Err(error) if error.kind() == fs2::lock_contended_error().kind() => {
            Err(StoreError::Locked { path: folder.to_owned() })
        }
        Err(source) => Err(unusable(source)),
    }
}

fn open_witness(folder: &Path) -> Result<(Witness, Seen), StoreError> {
    match Witness::open(&folder.join(WITNESS)) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(unreadable(folder, "its witness is damaged")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unreadable(folder, "its witness is missing")),
        Err(source) => Err(StoreError::Open { path: folder.to_owned(), source }),
    }
}

/// Makes the manifest of a folder that has none: a new one, one of the earlier layout, where the whole log is one folder of sled
/// without checksums, or one whose adoption was interrupted. The manifest comes last, so that it may be interrupted anywhere.
fn adopt(folder: &Path) -> Result<Manifest, StoreError> {
    let unusable = |source| StoreError::Open { path: folder.to_owned(), source };
    let earlier = Place { first: 0, generation: 0, start: None };
    let path = folder.join(earlier.name());
    create_private(&path).map_err(unusable)?;
    if folder.join("db").exists() {
        // An earlier collector that still runs has no other lock than this one.
        drop(take_lock(folder, &folder.join("db"))?);
        move_sled(folder, &path).map_err(unusable)?;
    }
    let tail = if segment::exists(folder, &earlier) {
        let segment = Segment::open(folder, earlier)?;
        // Values with checksums are written only after a manifest.
        if segment.is_chained()? {
            return Err(unreadable(folder, "its manifest is missing"));
        }
        segment.scan_bare()?
    } else {
        Tail { end: 0, checksum: NOTHING, contents: Default::default() }
    };
    let active = Place { first: tail.end, generation: 0, start: Some(NOTHING) };
    let others = segment_folders(folder).map_err(unusable)?;
    if others.iter().any(|(name, _)| *name != earlier.name() && *name != active.name()) {
        return Err(unreadable(folder, "its manifest is missing"));
    }
    let sealed = if tail.end > 0 { vec![Sealed { place: earlier, tail }] } else { Vec::new() };
    drop(Segment::create(folder, active)?);
    Witness::create(&folder.join(WITNESS), Seen { end: tail.end, checksum: NOTHING }).map_err(unusable)?;
    let manifest = Manifest { sealed, active, next_generation: 1 };
    manifest.store(folder).map_err(unusable)?;
    Ok(manifest)
}

/// Moves sled's files out of `folder` into the folder of a segment. The one that holds the data comes last.
fn move_sled(folder: &Path, segment: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name == "conf" || name == "blobs" || name.to_string_lossy().starts_with("snap.") {
            fs::rename(folder.join(&name), segment.join(&name))?;
        }
    }
    sync_folders(segment)?;
    sync_folders(folder)?;
    fs::rename(folder.join("db"), segment.join("db"))?;
    sync_folders(segment)?;
    sync_folders(folder)
}

/// Removes segments that are not in the manifest: a crash left them before or after the manifest changed.
fn remove_leftovers(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    for (name, path) in segment_folders(folder)? {
        if manifest.places().all(|place| place.name() != name) {
            segment::remove(&path)?;
        }
    }
    Ok(())
}
