//! Measures writing a shard of 128 clips (pushed, hashed, synced, read back and renamed), and the label table of one.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shardfmt::{
    ClipSpec, Dtype, LabelForm, LabelRow, LabelSource, Result, ShardWriter, Split, Taxa, Taxon, write_labels,
};

const ROWS: u32 = 128;
const SIDE: u32 = 448;
const LABELLED: u32 = 512;

fn write(path: &Path, clip: &[u8], finish: bool) -> Result<()> {
    let spec = ClipSpec::new(Dtype::U8, None, SIDE, SIDE)?;
    let mut writer = ShardWriter::create(path, spec, &BTreeMap::new())?;
    for row in 0..ROWS {
        writer.push(1, row, 0.0, clip)?;
    }
    if finish {
        writer.finish()?;
    }
    Ok(())
}

fn benches(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("shard.safetensors");
    let clip: Vec<u8> = (0..SIDE * SIDE).map(|i| (i % 251) as u8).collect();
    let mut group = criterion.benchmark_group("write a shard of 128 clips");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(ROWS.into()));
    group.bench_function("push only (hash, page cache)", |bencher| {
        bencher.iter(|| write(&path, &clip, false).is_ok());
    });
    group.bench_function("push and finish (sync, read back, rename)", |bencher| {
        bencher.iter(|| write(&path, &clip, true).is_ok());
    });
    // What the disk itself takes for the same bytes.
    group.bench_function("a plain file, written and synced", |bencher| {
        bencher.iter(|| -> std::io::Result<()> {
            let mut file = std::fs::File::create(folder.path().join("plain"))?;
            (0..ROWS).try_for_each(|_| std::io::Write::write_all(&mut file, &clip))?;
            file.sync_all()
        });
    });
    group.finish();
}

/// A label table in which every clip lists every class.
fn label_table(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("labels.parquet");
    let mut group = criterion.benchmark_group("write the labels of 512 clips, by classes");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(LABELLED.into()));
    for classes in [50, 1000] {
        let taxon = |class: u32| Taxon {
            species_code: format!("bird{class}"),
            common_name: None,
            scientific_name: None,
        };
        let Ok(taxa) = Taxa::new((0..classes).map(taxon).collect()) else {
            return;
        };
        let rows: Vec<LabelRow> = (0..LABELLED).map(|row| label(row, classes)).collect();
        group.bench_function(BenchmarkId::from_parameter(classes), |bencher| {
            bencher.iter(|| write_labels(&path, &taxa, LabelForm::Listed, &rows).is_ok());
        });
    }
    group.finish();
}

fn label(row: u32, classes: u32) -> LabelRow {
    let start_s = 3.0 * f64::from(row);
    LabelRow {
        asset_id: 1,
        clip_index: row,
        shard: 0,
        row,
        start_s,
        end_s: start_s + 3.0,
        valid_s: 3.0,
        split: Split::Train,
        target: Some(0),
        present: vec![row % classes],
        absent: (0..classes).filter(|class| *class != row % classes).collect(),
        unknown: Vec::new(),
        fully_annotated: true,
        label_source: LabelSource::Span,
        silent: false,
        rms_dbfs: Some(-40.0),
        boxes: Vec::new(),
        source_index: None,
        source_id: None,
        others: None,
        from_recording: Vec::new(),
    }
}

criterion_group!(shard, benches, label_table);
criterion_main!(shard);
