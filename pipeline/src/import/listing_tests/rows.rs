//! Whatever tables hold, no row is lost without a count, and none makes the reader panic.

use proptest::prelude::*;

use super::*;
use crate::import::{birdclef, xeno_canto};

/// A cell that a person, a spreadsheet or a program may have written.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("nan".to_owned()),
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("1.0".to_owned()),
        Just("['a']".to_owned()),
        Just("[]".to_owned()),
        Just("-91".to_owned()),
        Just("?".to_owned()),
        Just("2020-00-00".to_owned()),
        Just("a;b".to_owned()),
        "[ -~é]{0,6}".prop_map(|text| text),
    ]
}

fn csv_of(header: &[&str], rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).unwrap();
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    writer.into_inner().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_of_birdclef(rows in prop::collection::vec((prop::sample::select(vec!["a", "b", "12"]),
        prop::sample::select(vec!["a/1.ogg", "b/1.ogg", "gone.ogg"]), prop::collection::vec(cell(), 5)), 0..12)) {
        let place = Place::new();
        let rows: Vec<Vec<String>> = rows.into_iter()
            .map(|(label, file, rest)| [vec![label.to_owned(), file.to_owned()], rest].concat()).collect();
        let header = ["primary_label", "filename", "secondary_labels", "latitude", "longitude", "date", "time"];
        place.write("train.csv", csv_of(&header, &rows));
        place.sounds(&["train_audio/a/1.ogg", "train_audio/b/1.ogg"]);
        // Mistakes refuse the table as a whole.
        if let Ok(listing) = birdclef::read(place.path(), None, &none()) {
            prop_assert_eq!(listing.rows(), rows.len() as u64);
            check_rows(&listing);
        }
    }

    #[test]
    fn rows_of_xeno_canto(rows in prop::collection::vec(prop::collection::vec(cell(), 6), 0..12), first in 0..4_usize) {
        let place = Place::new();
        let mut rows = rows;
        for (number, row) in rows.iter_mut().enumerate() {
            row[0] = (number / 2 + first).to_string();
            // A row of empty cells alone is none.
            row[1] = "Parus".into();
        }
        place.write("x.csv", csv_of(&["id", "gen", "sp", "also", "lat", "date"], &rows));
        place.sounds(&["1.mp3", "XC2.mp3", "2.wav", "3.mp3"]);
        let listing = xeno_canto::read(&place.path().join("x.csv"), None, &none()).unwrap();
        prop_assert_eq!(listing.rows(), rows.len() as u64);
        check_rows(&listing);
    }
}
