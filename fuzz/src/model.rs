//! Model artifacts, which the browser loads and the collector serves.

use waver_core::model::uplift::Uplift;
use waver_core::model::{Model, Summary};

/// The inside of an artifact, put behind the mark and the checksum, so that it is read; and the same as it is.
pub(crate) fn run(inside: &[u8]) {
    check(inside, inside);
    let checksum =
        inside.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    let artifact = [b"WVMD\x01", &checksum.to_le_bytes()[..], inside].concat();
    check(&artifact, inside);
    check_uplift(inside, &artifact);
}

/// Two of them side by side, and anything else behind that mark.
fn check_uplift(inside: &[u8], artifact: &[u8]) {
    let length = u32::try_from(artifact.len()).expect("inputs are small").to_le_bytes();
    let twice = [b"WVUP\x01\x00", &length[..], artifact, &length[..], artifact].concat();
    assert_eq!(Uplift::decode(&twice).is_ok(), Summary::decode(artifact).is_ok());
    for bytes in [twice, [b"WVUP\x01\x01", inside].concat(), inside.to_vec()] {
        if let Ok((uplift, summary)) = Uplift::decode(&bytes) {
            assert_eq!(uplift.encode(&summary).as_ref(), Ok(&bytes));
            assert!((-1.0..=1.0).contains(&uplift.score(&[f64::NAN, -1e300])) || bytes[5] == 1);
        }
    }
}

fn check(artifact: &[u8], inside: &[u8]) {
    let read = Model::decode(artifact);
    match Summary::decode(artifact) {
        Ok((model, summary)) => {
            assert_eq!(read.as_ref(), Ok(&model));
            // There is one way to write each artifact.
            assert_eq!(model.encode(&summary).as_deref(), Ok(artifact));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let Ok(model) = read else { return };
    let of_input = inside.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight of them")));
    for values in [Vec::new(), vec![-1e300; 255], vec![f64::NAN, f64::INFINITY, 0.5], of_input.collect()] {
        let score = model.score(&values);
        assert!((0.0..=1.0).contains(&score), "{score}");
        assert_eq!(model.score(&values).to_bits(), score.to_bits());
        let top = model.explain(&values, 3);
        assert!(
            top.len() <= 3
                && top.iter().all(|one| one.weight.is_finite() && one.feature < model.parts().features.len())
        );
        assert!(top.is_sorted_by(|one, next| one.weight.abs() >= next.weight.abs()));
    }
}
