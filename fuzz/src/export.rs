//! A backup, frame by frame.

use waver_store::{ExportReader, ExportWriter, Frame};

pub(crate) fn run(bytes: &[u8]) {
    let (mut writer, mut rewritten) = ExportWriter::begin();
    // Inputs begin behind the mark of the format.
    let input = [&rewritten[..], bytes].concat();
    let mut frames: Vec<Frame> = Vec::new();
    let mut reader = ExportReader::begin(&*input).expect("it has the mark");
    while let Ok(Some(frame)) = reader.next_frame() {
        frames.push(frame);
    }
    let held: usize = frames.iter().map(held).sum();
    assert!(held <= bytes.len(), "{held} bytes out of {}", bytes.len());
    for frame in &frames {
        rewritten.extend(writer.frame(frame).expect("what was read can be written"));
    }
    rewritten.extend(writer.end());
    // Cut short or not, what was read is read the same once more, and to its end.
    let mut reader = ExportReader::begin(&*rewritten).expect("it was written by us");
    for frame in &frames {
        assert_eq!(reader.next_frame().expect("it was written by us").as_ref(), Some(frame));
    }
    assert!(matches!(reader.next_frame(), Ok(None)));
}

fn held(frame: &Frame) -> usize {
    match frame {
        Frame::State(part) => part.len(),
        Frame::Log(_, records) => records.iter().map(|record| record.payload.len()).sum(),
        Frame::Policy(text) => text.len(),
    }
}
