//! Reading a body: what it may be, how large, and what to say when it is not.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::error::Category;
use waver_schema::ErrorCode;

use super::refusal::Refusal;

/// zstd may ask for a window of any size; this is what every decoder should support (RFC 8878, section 3.1.1.1.2).
const ZSTD_WINDOW_BYTES: u64 = 8 << 20;

/// The bytes of a JSON body, decompressed. Neither what arrives nor what it unpacks to may be larger than `limit`.
///
/// # Errors
/// [`ErrorCode::MediaType`], [`ErrorCode::TooLarge`], [`ErrorCode::BadJson`] for a body that does not unpack or breaks off, and
/// [`ErrorCode::Unavailable`] for one that takes longer than `patience`.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize, patience: Duration) -> Result<Bytes, Refusal> {
    expect_json(headers)?;
    let encoding = Encoding::of(headers)?;
    let collected = tokio::time::timeout(patience, Limited::new(body, limit).collect());
    let bytes = match collected.await {
        Err(_) => return Err(Refusal::new(ErrorCode::Unavailable, "the body did not arrive in time; send it again")),
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(limit)),
        Ok(Err(_)) => return Err(Refusal::new(ErrorCode::BadJson, "the body broke off; send it whole")),
    };
    unpack(&encoding, bytes, limit)
}

/// As [`read`] unpacks what came with this `Content-Encoding`.
pub(super) fn unpack_as(encoding: &str, bytes: Bytes, limit: usize) -> Result<Bytes, Refusal> {
    unpack(&Encoding::named(encoding)?, bytes, limit)
}

fn unpack(encoding: &Encoding, bytes: Bytes, limit: usize) -> Result<Bytes, Refusal> {
    let mut unpacked = Vec::new();
    // One byte more than allowed tells that there is more, without unpacking it.
    let read = match encoding {
        Encoding::Identity => return Ok(bytes),
        Encoding::Gzip => take(flate2::read::MultiGzDecoder::new(&*bytes), limit, &mut unpacked),
        Encoding::Brotli => take(brotli_decompressor::Decompressor::new(&*bytes, 4096), limit, &mut unpacked),
        Encoding::Zstd => zstd(&bytes).and_then(|decoder| take(decoder, limit, &mut unpacked)),
    };
    match read {
        Ok(()) if unpacked.len() > limit => Err(too_large(limit)),
        Ok(()) => Ok(unpacked.into()),
        Err(_) => Err(Refusal::new(ErrorCode::BadJson, "the body does not unpack as its Content-Encoding says")),
    }
}

fn take(decoder: impl Read, limit: usize, into: &mut Vec<u8>) -> io::Result<()> {
    decoder.take(limit as u64 + 1).read_to_end(into).map(|_| ())
}

fn zstd(bytes: &[u8]) -> io::Result<impl Read + '_> {
    ruzstd::decoding::StreamingDecoder::new_with_max_window_size(bytes, ZSTD_WINDOW_BYTES).map_err(io::Error::other)
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(ErrorCode::TooLarge, format!("the body is over {limit} bytes; send smaller batches"))
}

fn expect_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    if ["application/json", "text/plain"].iter().any(|known| media_type.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::MediaType, "send JSON as application/json or text/plain"))
}

enum Encoding {
    Identity,
    Gzip,
    Brotli,
    Zstd,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Encoding, Refusal> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Ok(Encoding::Identity) };
        if values.next().is_some() {
            return Err(Encoding::unknown());
        }
        Encoding::named(value.to_str().unwrap_or_default())
    }

    fn named(name: &str) -> Result<Encoding, Refusal> {
        match name.trim().to_ascii_lowercase().as_str() {
            "identity" => Ok(Encoding::Identity),
            "gzip" | "x-gzip" => Ok(Encoding::Gzip),
            "br" => Ok(Encoding::Brotli),
            "zstd" => Ok(Encoding::Zstd),
            _ => Err(Encoding::unknown()),
        }
    }

    fn unknown() -> Refusal {
        Refusal::new(ErrorCode::MediaType, "Content-Encoding may be gzip, br or zstd, one of them")
    }
}

/// Reads `json` as a `T`.
///
/// # Errors
/// [`ErrorCode::BadJson`] if it is not JSON, [`ErrorCode::Schema`] with the place if it is JSON but not a `T`.
pub(crate) fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Refusal> {
    // Following the place costs half as much again, so it is done only once something is known to be wrong.
    serde_json::from_slice(json).or_else(|_| parse_with_place(json))
}

fn parse_with_place<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let refusal = refusal(error.inner());
        // The place of a field that the schema does not have ends with its name, which is the sender's own text.
        let is_ours = field != "." && !error.inner().to_string().starts_with("unknown field `");
        if refusal.code() == ErrorCode::Schema && is_ours { refusal.at(field) } else { refusal }
    })?;
    deserializer.end().map_err(|error| refusal(&error))?;
    Ok(parsed)
}

fn refusal(error: &serde_json::Error) -> Refusal {
    match error.classify() {
        Category::Data => Refusal::new(ErrorCode::Schema, expectation(&error.to_string())),
        _ => {
            let place = format!("line {}, column {}", error.line(), error.column());
            Refusal::new(ErrorCode::BadJson, format!("the body is not JSON: see {place}"))
        }
    }
}

/// What of serde's message is ours: what was expected, never what was found.
fn expectation(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if message.starts_with("missing field `") || message.starts_with("expected ") {
        message.to_owned()
    } else if let Some((_, expected)) = message.rsplit_once(", expected ") {
        format!("expected {expected}")
    } else {
        "this is not what the schema allows; see /openapi.json".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use waver_schema::{ConsentRecord, Event};

    use super::*;

    const LIMIT: usize = 1000;

    async fn read_as(encoding: &str, bytes: Vec<u8>) -> Result<Bytes, ErrorCode> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "text/plain;charset=UTF-8".parse().expect("valid"));
        headers.insert(header::CONTENT_ENCODING, encoding.parse().expect("valid"));
        read(&headers, Body::from(bytes), LIMIT, Duration::from_secs(5)).await.map_err(|refusal| refusal.code())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("packs");
        encoder.finish().expect("packs")
    }

    fn zstd_of(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// `{"a":1}` as `brotli -q 11` writes it: a stored block.
    const BROTLI: &[u8] = &[0x0b, 0x03, 0x80, b'{', b'"', b'a', b'"', b':', b'1', b'}', 0x03];

    #[tokio::test]
    async fn bodies_are_unpacked() {
        for (encoding, bytes) in [
            ("identity", br#"{"a":1}"#.to_vec()),
            ("gzip", gzip(br#"{"a":1}"#)),
            ("br", BROTLI.to_vec()),
            ("zstd", zstd_of(br#"{"a":1}"#)),
        ] {
            let read = read_as(encoding, bytes).await;
            assert_eq!(read.as_deref(), Ok(br#"{"a":1}"#.as_slice()), "{encoding}");
        }
    }

    #[tokio::test]
    async fn what_unpacks_to_too_much_is_refused_like_what_is_too_much() {
        for (length, fits) in [(LIMIT, true), (LIMIT + 1, false), (50_000_000, false)] {
            let bytes = vec![b' '; length];
            for (encoding, packed) in [("gzip", gzip(&bytes)), ("zstd", zstd_of(&bytes))] {
                let expected = if fits { Ok(length) } else { Err(ErrorCode::TooLarge) };
                let read = read_as(encoding, packed).await.map(|bytes| bytes.len());
                assert_eq!(read, expected, "{length} as {encoding}");
            }
            let expected = if fits { Ok(length) } else { Err(ErrorCode::TooLarge) };
            assert_eq!(read_as("identity", bytes).await.map(|bytes| bytes.len()), expected);
        }
    }

    #[tokio::test]
    async fn a_zstd_frame_that_asks_for_a_giant_window_is_refused() {
        // Magic number; descriptor without single segment; window descriptor 2^(10+17): 128 MiB; an empty last raw block.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x01, 0x00, 0x00];
        assert_eq!(read_as("zstd", frame.to_vec()).await, Err(ErrorCode::BadJson));
        let small = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x00, 0x01, 0x00, 0x00];
        assert_eq!(read_as("zstd", small.to_vec()).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn what_does_not_unpack_is_refused() {
        for encoding in ["gzip", "br", "zstd"] {
            assert_eq!(read_as(encoding, b"{\"a\":1}".to_vec()).await, Err(ErrorCode::BadJson), "{encoding}");
        }
        for encoding in ["deflate", "gzip, br", "compress"] {
            assert_eq!(read_as(encoding, b"{}".to_vec()).await, Err(ErrorCode::MediaType), "{encoding}");
        }
    }

    fn refused<'a, T: Deserialize<'a> + std::fmt::Debug>(json: &'a str) -> (ErrorCode, String, Option<String>) {
        let refusal = parse::<T>(json.as_bytes()).expect_err("refused");
        (refusal.0.code, refusal.0.message.clone(), refusal.0.field.clone())
    }

    #[test]
    fn refusals_name_the_place_and_never_what_was_sent() {
        let record = r#"{"v":1,"site":"demo","session":"00112233445566778899aabbccddeeff","measure":"granted","personalize":"jane@example.com, expected jane","source":"tag"}"#;
        let (code, message, field) = refused::<ConsentRecord>(record);
        assert_eq!((code, field.as_deref()), (ErrorCode::Schema, Some("personalize")));
        assert!(message.starts_with("expected one of `unknown`") && !message.contains("jane"), "{message}");

        let (code, message, _) = refused::<ConsentRecord>(r#"{"v":"jane@example.com"}"#);
        assert_eq!((code, message.as_str()), (ErrorCode::Schema, "expected u16"));
        let (code, message, _) = refused::<ConsentRecord>(r#"{"v":1}"#);
        assert_eq!((code, message.as_str()), (ErrorCode::Schema, "missing field `site`"));
        let (code, message, _) = refused::<Event>(r#"{"seq":1,"t":0,"type":"jane@example.com"}"#);
        assert_eq!(code, ErrorCode::Schema);
        assert!(message.starts_with("expected one of `page_view`"), "{message}");

        let (code, message, field) = refused::<crate::release::Asked>(r#"{"epsilon_milli":1,"jane":2}"#);
        assert_eq!((code, field), (ErrorCode::Schema, None));
        assert!(message.starts_with("expected one of `site`"), "{message}");

        for broken in ["", "{", "{\"v\":1,}", "{\"v\":1} jane", "\u{feff}{}"] {
            let (code, message, field) = refused::<serde_json::Value>(broken);
            assert_eq!((code, field), (ErrorCode::BadJson, None), "{broken}");
            assert!(!message.contains("jane"), "{message}");
        }
    }
}
