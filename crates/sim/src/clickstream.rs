//! Recorded sessions for shoppers to follow, in the form in which REES46 publishes its multi-category store: CSV, perhaps gzipped, a row
//! for each view, cart and purchase, with the columns `session`, `ts` (Unix seconds), `event`, `product_id` and `price`. Rows of one
//! session need not stand together. Only products, prices, order and gaps are taken over; users are not.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::shopper::{Deed, Product, Recorded};

/// Where the workspace's data lies, seen from the top of the repository.
pub const USUAL_PLACE: &str = "../shared/data/rees46_dev.csv.gz";
/// Rows that are read at most; they are kept in memory.
const MOST_ROWS: usize = 200_000;
/// Deeds of one session that are followed at most.
const MOST_DEEDS: usize = 40;
/// Shortest and longest stay between two deeds, in milliseconds. Recorded gaps are compressed: nobody wants to watch a shopper at lunch.
const STAY_MS: (u64, u64) = (400, 8_000);

/// Why a clickstream cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClickstreamError {
    /// The file cannot be opened or read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, io::Error),
    /// The file is not of the form above.
    #[error("{0} is no clickstream: {1}. It needs the columns session, ts, event, product_id and price")]
    Form(PathBuf, csv::Error),
    /// There is not one session in it.
    #[error("{0} holds no session")]
    Empty(PathBuf),
}

#[derive(Deserialize)]
struct Row {
    session: String,
    ts: u64,
    event: String,
    product_id: String,
    price: f64,
}

/// The sessions in `file`, in the order in which they first appear.
///
/// # Errors
/// [`ClickstreamError`].
pub fn read(file: &Path) -> Result<Vec<Recorded>, ClickstreamError> {
    let opened = File::open(file).map_err(|error| ClickstreamError::Read(file.to_path_buf(), error))?;
    let gzipped = file.extension().is_some_and(|extension| extension == "gz");
    let bytes: Box<dyn Read> =
        if gzipped { Box::new(MultiGzDecoder::new(BufReader::new(opened))) } else { Box::new(BufReader::new(opened)) };
    let sessions = parse(bytes).map_err(|error| ClickstreamError::Form(file.to_path_buf(), error))?;
    if sessions.is_empty() { Err(ClickstreamError::Empty(file.to_path_buf())) } else { Ok(sessions) }
}

/// The usual place, if there is a file: seen from this folder or one above it.
pub fn find() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(USUAL_PLACE)).find(|file| file.is_file())
}

fn parse(bytes: impl Read) -> Result<Vec<Recorded>, csv::Error> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut sessions: Vec<Vec<(u64, Deed, Product)>> = Vec::new();
    for row in csv::Reader::from_reader(bytes).into_deserialize::<Row>().take(MOST_ROWS) {
        let Row { session, ts, event, product_id, price } = row?;
        let deed = match event.as_str() {
            "view" => Deed::View,
            "cart" => Deed::Cart,
            "purchase" => Deed::Purchase,
            _ => continue,
        };
        // `as` saturates, and a price that is none becomes nothing.
        let product = Product::new(&product_id, (price * 100.0).round() as u32);
        let place = *places.entry(session).or_insert(sessions.len());
        if place == sessions.len() {
            sessions.push(Vec::new());
        }
        sessions[place].push((ts, deed, product));
    }
    Ok(sessions.into_iter().map(record).collect())
}

fn record(mut rows: Vec<(u64, Deed, Product)>) -> Recorded {
    rows.sort_by_key(|(ts, ..)| *ts);
    rows.truncate(MOST_DEEDS);
    let next: Vec<u64> = rows.iter().skip(1).map(|(ts, ..)| *ts).chain([u64::MAX]).collect();
    let deeds = rows.iter().zip(next).map(|(&(ts, deed, product), next)| {
        let gap_ms = next.saturating_sub(ts).saturating_mul(1_000);
        (deed, product, gap_ms.clamp(STAY_MS.0, STAY_MS.1))
    });
    Recorded { deeds: deeds.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "session,ts,event,product_id,category_id,price,user_id\n\
        a,100,view,7,1,12.99,5\n\
        b,101,view,8,1,1.5,6\n\
        a,160,cart,7,1,12.99,5\n\
        a,103,view,9,1,0.0,5\n\
        a,161,remove_from_cart,7,1,12.99,5\n\
        a,162,purchase,7,1,12.99,5\n";

    #[test]
    fn sessions_keep_their_order_and_their_gaps_are_compressed() {
        let sessions = parse(FILE.as_bytes()).expect("a clickstream");
        let (seven, nine) = (Product::new("7", 1_299), Product::new("9", 0));
        let expected = vec![
            (Deed::View, seven, 3_000),
            (Deed::View, nine, 8_000),
            (Deed::Cart, seven, 2_000),
            (Deed::Purchase, seven, 8_000),
        ];
        assert_eq!((sessions.len(), &sessions[0].deeds), (2, &expected));
    }

    #[test]
    fn a_file_of_another_form_is_named_with_its_line() {
        let error = parse("session,ts,event\na,1,view\n".as_bytes()).expect_err("columns are missing");
        assert!(error.to_string().contains("product_id"), "{error}");
        let error = parse("session,ts,event,product_id,price\na,soon,view,7,1.0\n".as_bytes()).expect_err("no time");
        assert!(error.to_string().contains("line: 2"), "{error}");
    }

    #[test]
    fn a_gzipped_file_is_read_and_an_absent_one_is_named() {
        use std::io::Write;
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("clicks.csv.gz");
        let mut gz = flate2::write::GzEncoder::new(File::create(&file).expect("create"), flate2::Compression::fast());
        gz.write_all(FILE.as_bytes()).expect("write");
        gz.finish().expect("finish");
        assert_eq!(read(&file).expect("a clickstream").len(), 2);
        let absent = read(&folder.path().join("none.csv")).expect_err("absent");
        assert!(absent.to_string().contains("none.csv"), "{absent}");
    }

    #[test]
    fn the_recorded_sessions_of_this_workspace_can_be_read() {
        let Some(file) = find() else {
            println!("skipped: there is no {USUAL_PLACE}");
            return;
        };
        let sessions = read(&file).expect("a clickstream");
        let deeds = || sessions.iter().flat_map(|session| &session.deeds);
        assert!(sessions.len() > 1_000, "{}", sessions.len());
        assert!(deeds().any(|(deed, ..)| *deed == Deed::Purchase) && deeds().any(|(deed, ..)| *deed == Deed::Cart));
    }
}
