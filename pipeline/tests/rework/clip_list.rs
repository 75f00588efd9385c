//! Lists of clips: the forms they may have, and those that are refused with the place of each mistake.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use parquet::arrow::ArrowWriter;
use pipeline::Error;
use pipeline::rework::ClipList;
use shardfmt::Dataset;

use super::dataset_files::{assert_alone, subset};
use super::recordings::{Recordings, built};

/// A dataset, and subsets of it.
struct Subsets {
    place: Recordings,
}

impl Subsets {
    fn new() -> Self {
        let place = Recordings::new();
        built(&place.old(), &place.path("data"));
        Subsets { place }
    }

    /// The (asset_id, clip_index) that a list chooses.
    fn of(&self, list: &[u8]) -> Result<Vec<(i64, u32)>, Error> {
        let out = self.place.path("out");
        let list = ClipList::parse(Path::new("chosen"), list.to_vec())?;
        subset(&self.place.path("data"), &list, &out, &|_| {})?;
        let clips = clips(&out);
        std::fs::remove_dir_all(out).unwrap();
        Ok(clips)
    }

    /// Asserts that a list is refused with all of these messages and no other, and that nothing is written.
    fn refuse(&self, list: &[u8], messages: &[&str]) {
        let error = self.of(list).unwrap_err();
        let Error::Manifest(problems) = &error else {
            panic!("{error}");
        };
        let found: Vec<String> = problems.iter().map(|problem| problem.to_string()).collect();
        assert_eq!(found, messages, "{}", String::from_utf8_lossy(list));
        assert!(!self.place.path("out").exists());
        assert_alone(&self.place.path("out"));
    }
}

fn clips(dir: &Path) -> Vec<(i64, u32)> {
    let dataset = Dataset::open(dir).unwrap();
    let labels = (0..dataset.shard_count()).flat_map(|shard| {
        dataset
            .labels(&dataset.open_shard(shard, shardfmt::Checks::Off).unwrap())
            .unwrap()
    });
    labels.map(|label| (label.asset_id, label.clip_index)).collect()
}

fn parquet(columns: &[(&str, ArrayRef)]) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

const CHOSEN: [(i64, u32); 3] = [(11, 0), (11, 2), (25, 1)];

#[test]
fn text_with_and_without_a_header() {
    let subsets = Subsets::new();
    for text in [
        "asset_id,clip_index\n25,1\n11,2\n11,0\n",
        "clip_index,asset_id\r\n1,25\r\n2,11\r\n0,11",
        "\u{feff}asset_id,clip_index\n25,1\n11,2\n11,0\n",
        "\"asset_id\",\"clip_index\"\n25,1\n11,2\n11,0\n",
        ",asset_id,score,clip_index\n0,25,0.5,1\n1,11,,2\n2,11.0,x,0.0\n",
        "asset_id,clip_index\r25,1\r11,2\r11,0\r",
        "25,1\n11,2\n11,0\n",
        "25,1\r\n11,2\r\n11,0",
        "25,1\r11,2\r11,0\r",
        "\u{feff}25,1\n11,2\n11,0\n",
        "\n\n 25 , 1 \n\n\"11\",\"2\"\n11.0,0.0\n\n",
    ] {
        assert_eq!(subsets.of(text.as_bytes()).unwrap(), CHOSEN, "{text:?}");
    }
}

#[test]
fn parquet_with_numbers_of_every_type() {
    let subsets = Subsets::new();
    macro_rules! check {
        ($($array:ident),+) => {
            $(
                let ids: ArrayRef = Arc::new($array::from_iter_values([25, 11, 11].map(|id| id as _)));
                let indices: ArrayRef = Arc::new($array::from_iter_values([1, 2, 0].map(|index| index as _)));
                let list = parquet(&[("clip_index", indices), ("asset_id", ids)]);
                assert_eq!(subsets.of(&list).unwrap(), CHOSEN, stringify!($array));
            )+
        };
    }
    check!(
        Int8Array,
        Int16Array,
        Int32Array,
        Int64Array,
        UInt8Array,
        UInt16Array,
        UInt32Array,
        UInt64Array
    );
    check!(Float32Array, Float64Array);
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["25", "11"]));
    let recordings = subsets.of(&parquet(&[("asset_id", texts)])).unwrap();
    assert!(recordings.iter().all(|(id, _)| [11, 25].contains(id)));
}

#[test]
fn an_asset_id_alone_chooses_the_whole_recording() {
    let subsets = Subsets::new();
    let whole: Vec<_> = clips(&subsets.place.path("data"));
    let of = |ids: &[i64]| {
        whole
            .iter()
            .copied()
            .filter(|(id, _)| ids.contains(id))
            .collect::<Vec<_>>()
    };
    assert!(of(&[-2]).len() > 1);
    assert_eq!(subsets.of(b"-2\n").unwrap(), of(&[-2]));
    assert_eq!(subsets.of(b"asset_id\n4\n-2\n").unwrap(), of(&[4, -2]));
    // Beside it, single clips of others.
    let mut mixed = of(&[-2]);
    mixed.extend([(25, 1)]);
    mixed.sort_by_key(|clip| whole.iter().position(|other| other == clip));
    assert_eq!(subsets.of(b"25,1\n-2\n").unwrap(), mixed);
}

#[test]
fn mistakes_are_named_with_their_place() {
    let subsets = Subsets::new();
    subsets.refuse(
        b"11,0\n12,0\n25,99\n13\n14,1\n",
        &[
            "chosen:2: asset_id,clip_index = \"12,0\": the dataset has no such recording (also chosen:5 \"14,1\")",
            "chosen:4: asset_id = \"13\": the dataset has no such recording",
            "chosen:3: asset_id,clip_index = \"25,99\": the dataset has no such clip",
        ],
    );
    // A rejected recording has no clips.
    subsets.refuse(
        b"99\n",
        &["chosen:1: asset_id = \"99\": the dataset has no such recording"],
    );
    subsets.refuse(
        b"asset_id,clip_index\n11,2\n25,1\n11,2\n",
        &["chosen:4: asset_id,clip_index = \"11,2\": duplicate clip (first on line 2)"],
    );
    subsets.refuse(
        b"11\n25\n11\n",
        &["chosen:3: asset_id = \"11\": duplicate recording (first on line 1)"],
    );
    subsets.refuse(
        b"11\n11,2\n",
        &["chosen:2: asset_id,clip_index = \"11,2\": the whole recording is chosen as well (on line 1)"],
    );
    subsets.refuse(
        b"11,3\n11,2\n11\n",
        &["chosen:3: asset_id = \"11\": single clips of this recording are chosen as well (first on line 1)"],
    );
}

#[test]
fn malformed_lists_are_refused() {
    let subsets = Subsets::new();
    subsets.refuse(
        b"11,0\n\n25,x\n1x,0\n11,1,\n-2,\n6,-1\n",
        &[
            "chosen:5: expected asset_id or asset_id,clip_index, got 3 cells",
            "chosen:3: clip_index = \"x\": expected a non-negative integer (also chosen:7 \"-1\")",
            "chosen:4: asset_id = \"1x\": expected an integer",
            "chosen:6: clip_index = \"\": must not be empty",
        ],
    );
    subsets.refuse(
        b"asset_id,clip_index\n11,\n,1\n11.5,1\n11,4294967296\n11,1,1\n",
        &[
            "chosen:6: expected 2 cells as in the header, got 3",
            "chosen:2: clip_index = \"\": must not be empty",
            "chosen:3: asset_id = \"\": must not be empty",
            "chosen:4: asset_id = \"11.5\": expected an integer",
            "chosen:5: clip_index = \"4294967296\": expected a non-negative integer",
        ],
    );
    subsets.refuse(
        b"id,clip_index\n11,0\n",
        &["chosen:1: missing column `asset_id`; the table has: id, clip_index"],
    );
    let nulls: ArrayRef = Arc::new(Int32Array::from(vec![Some(0), None]));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![11, 11]));
    subsets.refuse(
        &parquet(&[("asset_id", ids), ("clip_index", nulls)]),
        &["chosen:2: clip_index = \"\": must not be empty"],
    );
}

#[test]
fn a_list_without_entries_is_an_error() {
    let subsets = Subsets::new();
    let ids: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    for list in [
        Vec::new(),
        b"\n\r\n".to_vec(),
        b"\xef\xbb\xbf".to_vec(),
        b"asset_id\n".to_vec(),
        parquet(&[("asset_id", ids)]),
    ] {
        let error = subsets.of(&list).unwrap_err();
        assert!(matches!(&error, Error::NothingSelected { .. }), "{error}");
        assert!(error.to_string().starts_with("chosen selects no clips"), "{error}");
        assert!(!subsets.place.path("out").exists());
        assert_alone(&subsets.place.path("out"));
    }
}
