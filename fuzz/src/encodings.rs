//! Bodies in gzip, br and zstd.

use std::io::Write;

use waver::decoders::unpack;
use waver_schema::ErrorCode;

/// Small, so that inputs that unpack to too much are short.
const LIMIT: usize = 2048;

pub(crate) fn run(bytes: &[u8]) {
    for encoding in ["gzip", "br", "zstd"] {
        match unpack(encoding, bytes, LIMIT) {
            Ok(unpacked) => assert!(unpacked.len() <= LIMIT, "{encoding} unpacks to {} bytes", unpacked.len()),
            Err(error) => {
                assert!(matches!(error.code, ErrorCode::TooLarge | ErrorCode::BadJson), "{encoding}: {error:?}")
            }
        }
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("memory takes it");
    let unpacked = unpack("gzip", &gzip.finish().expect("memory takes it"), LIMIT);
    match unpacked {
        Ok(unpacked) => assert!(*unpacked == *bytes, "it unpacks to something else"),
        Err(error) => assert!(error.code == ErrorCode::TooLarge && bytes.len() > LIMIT, "{error:?}"),
    }
}
