//! Retention: segments without anything to keep are unlinked, the others are written anew without the rest.

use std::io;
use std::sync::atomic::Ordering;

use super::chain::{CHECKSUM_BYTES, Checksum, Tail};
use super::contents::Contents;
use super::manifest::{Place, Sealed};
use super::segment::{self, Segment, Writer};
use super::{Shared, lock};
use crate::memory_log::kept_runs;
use crate::record::encode_group;
use crate::{Cutoffs, StoreError, Trimmed};

/// Neighbours that are rewritten become one segment up to so many bytes of payloads: else a class that is kept for long would leave
/// a small folder for every span.
const MERGED_BYTES: u64 = 8 * 1024 * 1024;

/// Records that are copied at once.
const PAGE: usize = 4096;

/// What a rewritten segment's first value follows.
const NOTHING: Checksum = [0; CHECKSUM_BYTES];

impl Shared {
    /// Removes what is before the cutoffs from the sealed segments.
    pub(super) fn trim(&self, cutoffs: &Cutoffs) -> Result<Trimmed, StoreError> {
        let _trimming = lock(&self.trimming);
        let mut trimmed = Trimmed::default();
        let mut neighbour: Option<Sealed> = None;
        let sealed = self.current().manifest.sealed.clone();
        for segment in sealed {
            let contents = &segment.tail.contents;
            if !contents.loses(cutoffs) {
                neighbour = Some(segment);
            } else if !contents.keeps(cutoffs) {
                self.replace(&[segment], None)?;
                contents.removed(&mut trimmed);
            } else {
                let is_small = |other: &Sealed| other.tail.contents.bytes() + contents.bytes() <= MERGED_BYTES;
                let sources: Vec<Sealed> = neighbour.filter(is_small).into_iter().chain([segment]).collect();
                let rewritten = self.rewrite_or_clear(&sources, cutoffs)?;
                self.replace(&sources, Some(rewritten))?;
                sources.iter().for_each(|source| source.tail.contents.removed(&mut trimmed));
                rewritten.tail.contents.kept(&mut trimmed);
                neighbour = Some(rewritten);
            }
        }
        Ok(trimmed)
    }

    /// Writes what `cutoffs` leave of neighbouring segments into a new one beside them, or else leaves nothing there.
    fn rewrite_or_clear(&self, sources: &[Sealed], cutoffs: &Cutoffs) -> Result<Sealed, StoreError> {
        let first = sources.first().map_or(0, |source| source.place.first);
        // Never the same number twice: after a failure nobody knows which manifest is on disk.
        let generation = self.generation.fetch_add(1, Ordering::AcqRel);
        let place = Place { first, generation, start: Some(NOTHING) };
        self.rewrite(sources, place, cutoffs).inspect_err(|_| {
            let _ = segment::remove(&self.folder.join(place.name()));
        })
    }

    fn rewrite(&self, sources: &[Sealed], place: Place, cutoffs: &Cutoffs) -> Result<Sealed, StoreError> {
        let first = place.first;
        let segment = Segment::create(&self.folder, place)?;
        let mut writer = Writer::new(&segment, Tail { end: first, checksum: NOTHING, contents: Contents::default() });
        for source in sources {
            let mut next = source.place.first;
            while next < source.tail.end {
                let groups = self.read_sealed(&mut lock(&self.reading), source, next, PAGE)?;
                next = groups.last().map_or(source.tail.end, |(first, group)| first + group.len() as u64);
                for (first, group) in groups {
                    for (first, run) in kept_runs(first, group, cutoffs, &mut Trimmed::default()) {
                        let bytes = encode_group(&run).map_err(|reason| StoreError::Write(reason.to_string()))?;
                        writer.push(first, &bytes, &Contents::of_group(&run))?;
                    }
                }
            }
        }
        segment.flush()?;
        // The range of offsets stays, whatever is left in it.
        let end = sources.last().map_or(first, |source| source.tail.end);
        Ok(Sealed { place, tail: Tail { end, ..writer.tail } })
    }

    /// Puts `new` in the place of neighbouring segments, whose bytes are gone when this returns.
    fn replace(&self, old: &[Sealed], new: Option<Sealed>) -> Result<(), StoreError> {
        self.change_manifest(
            |manifest| {
                let at = manifest.sealed.iter().position(|segment| old.contains(segment));
                manifest.sealed.retain(|segment| !old.contains(segment));
                if let (Some(at), Some(new)) = (at, new) {
                    manifest.sealed.insert(at, new);
                    manifest.next_generation = new.place.generation + 1;
                }
            },
            |_| (),
        )?;
        // Whoever looked at the manifest before has it open by now.
        let mut reading = lock(&self.reading);
        *reading = None;
        let remove = |segment: &Sealed| segment::remove(&self.folder.join(segment.place.name()));
        let removed: io::Result<()> = old.iter().try_for_each(remove);
        removed.map_err(|error| StoreError::Write(error.to_string()))
    }
}
