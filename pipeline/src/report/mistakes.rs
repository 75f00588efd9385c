//! Finds the worst mistakes of a run: of some classes, the clips without it that scored highest and those with it that
//! scored lowest.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type, UInt32Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use shardfmt::table::limits::{PAGE_LIMITS, check_pages};
use shardfmt::{Checks, Dataset, GeoPrior, Label, LabelRow, Operation, Split};

use super::gallery::Shot;
use crate::error::{Error, Result, io};

/// Clips of each kind shown of a class.
const SHOWN: usize = 3;

/// The worst mistakes of a class.
#[derive(Default)]
pub(super) struct Mistakes {
    /// Clips without the class by score, the highest first.
    pub(super) false_positives: Vec<(f32, Shot)>,
    /// Clips with it, the lowest first.
    pub(super) missed: Vec<(f32, Shot)>,
}

impl Mistakes {
    fn consider(&mut self, label: Label, score: f32, row: &LabelRow) {
        let (list, rank): (_, fn(f32) -> f32) = match label {
            Label::Absent => (&mut self.false_positives, |score| -score),
            Label::Present => (&mut self.missed, |score| score),
            Label::Unknown => return,
        };
        let at = list.partition_point(|(other, _)| rank(*other) <= rank(score));
        if at < SHOWN {
            let heading = match label {
                Label::Present => format!("missed, probability {score:.3}"),
                _ => format!("not there, probability {score:.3}"),
            };
            list.insert(at, (score, Shot::of(row, heading)));
            list.truncate(SHOWN);
        }
    }
}

/// The mistakes of `classes` on `split`, in their order, by the scores in the table `predictions`, whose rows follow
/// the dataset's.
///
/// # Errors
/// [`Error::Run`] if the table cannot be read, lacks a class or has clips in another order; a damaged sidecar.
pub(super) fn find(dataset: &Dataset, predictions: &Path, classes: &[u32], split: Split) -> Result<Vec<Mistakes>> {
    // The Parquet library may panic on damaged bytes; nothing it was given is used afterwards.
    let found = catch_unwind(AssertUnwindSafe(|| walk(dataset, predictions, classes, split)));
    found.unwrap_or_else(|_| Err(unusable(predictions, "the file is damaged")))
}

fn unusable(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::Run {
        path: path.to_path_buf(),
        reason: format!(
            "{reason}; write it again with `l48-train predict RUN DATASET --out {}`",
            path.display()
        ),
    }
}

fn walk(dataset: &Dataset, path: &Path, classes: &[u32], split: Split) -> Result<Vec<Mistakes>> {
    let codes: Vec<&str> = classes.iter().filter_map(|class| dataset.taxa().code(*class)).collect();
    let mut scores = Scores::open(path, &codes)?;
    let mut next = scores.next(path)?;
    let mut mistakes: Vec<Mistakes> = classes.iter().map(|_| Mistakes::default()).collect();
    let no_prior = GeoPrior::default();
    for number in 0..dataset.shard_count() {
        let shard = dataset.open_shard(number, Checks::Off)?;
        let priors = dataset.geo_priors(&shard)?;
        for row in dataset.labels(&shard)? {
            let Some(scored) = next.take_if(|scored| scored.clip == (row.asset_id, row.clip_index)) else {
                continue;
            };
            if row.split == split {
                let geo = priors.get(&row.asset_id).unwrap_or(&no_prior);
                for ((mistakes, &class), &score) in mistakes.iter_mut().zip(classes).zip(&scored.scores) {
                    mistakes.consider(row.label(class, geo), score, &row);
                }
            }
            next = scores.next(path)?;
        }
    }
    match next {
        None => Ok(mistakes),
        Some(Scored {
            clip: (asset, clip), ..
        }) => {
            let reason = format!("clip {clip} of asset {asset} is not in the dataset, or not in its order");
            Err(unusable(path, reason))
        }
    }
}

/// A clip with its scores.
struct Scored {
    /// Asset id and clip index.
    clip: (i64, u32),
    /// Of the classes asked for, in their order.
    scores: Vec<f32>,
}

/// The rows of a table of predictions, some of its classes, a batch in memory at a time.
struct Scores {
    reader: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    row: usize,
    columns: Vec<String>,
}

impl Scores {
    fn open(path: &Path, codes: &[&str]) -> Result<Self> {
        let file = File::open(path).map_err(io(Operation::Open, path))?;
        let pages = file.try_clone().map_err(io(Operation::Open, path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unusable(path, error))?;
        let columns = ["asset_id", "clip_index"]
            .iter()
            .chain(codes)
            .map(|name| (*name).to_owned());
        let columns: Vec<String> = columns.collect();
        let schema = builder.metadata().file_metadata().schema_descr();
        let mask = ProjectionMask::columns(schema, columns.iter().map(String::as_str));
        check_pages(pages, builder.metadata(), &mask, PAGE_LIMITS).map_err(|reason| unusable(path, reason))?;
        let reader = builder
            .with_projection(mask)
            .build()
            .map_err(|error| unusable(path, error))?;
        Ok(Self {
            reader,
            batch: None,
            row: 0,
            columns,
        })
    }

    /// The next row, if there is one.
    fn next(&mut self, path: &Path) -> Result<Option<Scored>> {
        while self.batch.as_ref().is_none_or(|batch| self.row >= batch.num_rows()) {
            let Some(batch) = self.reader.next() else {
                return Ok(None);
            };
            self.batch = Some(batch.map_err(|error| unusable(path, error))?);
            self.row = 0;
        }
        let row = self.row;
        self.row += 1;
        let column = |name: &String| {
            let column = self.batch.as_ref().and_then(|batch| batch.column_by_name(name));
            column.ok_or_else(|| unusable(path, format!("there is no column {name}")))
        };
        let mistyped = || unusable(path, "a column has another type, or a null");
        let (ids, classes) = self.columns.split_at_checked(2).ok_or_else(mistyped)?;
        let [asset, clip] = ids else { return Err(mistyped()) };
        let (asset, clip) = (column(asset)?, column(clip)?);
        let asset = asset
            .as_primitive_opt::<Int64Type>()
            .filter(|ids| !ids.is_null(row))
            .ok_or_else(mistyped)?;
        let clip = clip
            .as_primitive_opt::<UInt32Type>()
            .filter(|ids| !ids.is_null(row))
            .ok_or_else(mistyped)?;
        let score = |name: &String| {
            let scores = column(name)?
                .as_primitive_opt::<Float32Type>()
                .filter(|scores| !scores.is_null(row));
            Ok(scores.ok_or_else(mistyped)?.value(row))
        };
        Ok(Some(Scored {
            clip: (asset.value(row), clip.value(row)),
            scores: classes.iter().map(score).collect::<Result<_>>()?,
        }))
    }
}
