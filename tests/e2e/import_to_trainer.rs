//! From a set's own files through `l48 import` to the matrices `l48-train` trains on: labels, masks and kept rows are
//! the published program's.

use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use safetensors::SafeTensors;

use crate::ml48s_set::{Ml48sSet, fixture};
use crate::outside::json;
use crate::program::{l48, run, train_command};

/// A row of the trainer's table: position in `clips.json`, labels, mask.
type Row = (i64, Vec<u8>, Vec<u8>);

/// The rows of a table that `l48-train rows` wrote, in the order of the set.
fn rows(table: &Path) -> Vec<Row> {
    let file = std::fs::File::open(table).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader.map(Result::unwrap) {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let source = column("source_index").as_primitive::<Int64Type>();
        assert_eq!(source.null_count(), 0);
        let list = |name: &str, row: usize| {
            let values = column(name).as_list::<i32>().value(row);
            values.as_primitive::<UInt8Type>().values().to_vec()
        };
        rows.extend((0..batch.num_rows()).map(|row| (source.value(row), list("labels", row), list("mask", row))));
    }
    rows.sort();
    rows
}

/// What the published program has of a split: position in `clips.json`, labels and mask of every clip.
fn published(tensors: &SafeTensors<'_>, split: &str, mode: &str) -> Vec<Row> {
    let tensor = |name: &str| tensors.tensor(&format!("{split}.{name}")).unwrap().data().to_vec();
    let source = tensor("clip_index");
    let source = source
        .chunks_exact(8)
        .map(|word| i64::from_le_bytes(word.try_into().unwrap()));
    let (labels, mask) = (tensor("labels"), tensor(&format!("mask.{mode}")));
    let classes = labels.len() / source.len();
    // The trainer's labels are 0 where the mask is; the published ones not yet.
    let row = |(source, (labels, mask)): (i64, (&[u8], &[u8]))| {
        let known = labels.iter().zip(mask).map(|(label, known)| label * known);
        (source, known.collect(), mask.to_vec())
    };
    source
        .zip(labels.chunks_exact(classes).zip(mask.chunks_exact(classes)))
        .map(row)
        .collect()
}

#[test]
fn an_imported_set_is_trained_on_as_the_published_program_would() {
    let set = Ml48sSet::fixture();
    set.write();
    let dataset = set.beside("dataset");
    let val = set.path("val_split.npy");
    l48!("import", "ml48s", set.folder(), "--val-split", val, "--out", &dataset).expect(0);
    let expected = json(&fixture("expected.json"));
    let bytes = std::fs::read(fixture("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut compared = 0;
    for split in ["train", "val", "test"] {
        for mode in ["full", "target", "geo", "checklist"] {
            let all = published(&tensors, split, mode);
            for (unannotated, empty) in [(false, false), (false, true), (true, false), (true, true)] {
                let table = set.beside("rows.parquet");
                let mut command = train_command();
                command.arg("rows").arg(&dataset).arg("--out").arg(&table);
                command.args(["--split", split, "--mode", mode]);
                command.args((!unannotated).then_some("--keep-unannotated"));
                command.args(empty.then_some("--remove-empty"));
                run(&mut command).expect(0);
                let kept = &expected["splits"][split]["kept"];
                let kept = &kept[format!("{mode}/unannotated={unannotated}/empty={empty}")];
                let kept = kept
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| row.as_u64().unwrap() as usize);
                let mut kept: Vec<Row> = kept.map(|row| all[row].clone()).collect();
                kept.sort();
                assert!(
                    rows(&table) == kept,
                    "{split} {mode} unannotated={unannotated} empty={empty}"
                );
                compared += kept.len();
            }
        }
    }
    assert!(compared > 500, "{compared} rows were compared");
}
