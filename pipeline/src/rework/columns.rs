//! Provides the columns a predicate sees: those of the label table, and beside them what is known of the clip's recording.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Fields, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use shardfmt::entry::{assets_path, labels_path, priors_path};
use shardfmt::{PriorRow, Taxa, asset_columns, label_columns, prior_columns};

use super::input::Input;
use crate::error::Result;

/// The columns of every dataset, without a row, as an Arrow IPC stream.
pub(super) fn no_rows(taxa: &Taxa) -> Result<Vec<u8>> {
    let nowhere = Path::new("");
    let labels = label_columns(nowhere, taxa, &[])?;
    let assets = asset_columns(nowhere, taxa, &[])?;
    let priors = prior_columns(nowhere, taxa, &[])?;
    let joined = join(&labels, &assets, &priors, &UInt32Array::from_iter_values([]));
    let stream = joined.and_then(|joined| ipc_stream(&joined));
    Ok(stream.map_err(|error| table(nowhere, &error))?)
}

/// The columns of a shard, a row for each clip, as an Arrow IPC stream.
pub(super) fn of_shard(input: &Input<'_>) -> Result<Vec<u8>> {
    let path = |name: String| input.path(&name);
    let taxa = input.taxa();
    let labels = label_columns(&path(labels_path(input.number)), taxa, &input.labels)?;
    let assets = asset_columns(&path(assets_path(input.number)), taxa, input.assets)?;
    let priors: Vec<PriorRow> = input
        .assets
        .iter()
        .map(|asset| input.prior_of(asset))
        .collect::<Result<_>>()?;
    let priors = prior_columns(&path(priors_path(input.number)), taxa, &priors)?;
    // Recordings stand in row order, and all rows are theirs.
    let number_of_asset = (0..)
        .zip(input.assets)
        .flat_map(|(number, asset)| (0..asset.clips).map(move |_| number));
    let joined = join(
        &labels,
        &assets,
        &priors,
        &UInt32Array::from_iter_values(number_of_asset),
    );
    let stream = joined.and_then(|joined| ipc_stream(&joined));
    Ok(stream.map_err(|error| table(&path(labels_path(input.number)), &error))?)
}

/// Gives each clip the row of its recording. Of columns of one name the label table's counts.
fn join(
    labels: &RecordBatch,
    assets: &RecordBatch,
    priors: &RecordBatch,
    asset_of_row: &UInt32Array,
) -> std::result::Result<RecordBatch, ArrowError> {
    let mut fields: Vec<_> = labels.schema().fields().iter().cloned().collect();
    let mut columns = labels.columns().to_vec();
    for of_assets in [assets, priors] {
        for (field, column) in of_assets.schema().fields().iter().zip(of_assets.columns()) {
            if !fields.iter().any(|known| known.name() == field.name()) {
                fields.push(Arc::clone(field));
                columns.push(take(column, asset_of_row, None)?);
            }
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(Fields::from(fields))), columns)
}

fn ipc_stream(batch: &RecordBatch) -> std::result::Result<Vec<u8>, ArrowError> {
    let mut stream = Vec::new();
    let mut writer = StreamWriter::try_new(&mut stream, &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(stream)
}

fn table(path: &Path, error: &ArrowError) -> shardfmt::Error {
    shardfmt::Error::Table {
        path: path.to_path_buf(),
        reason: error.to_string(),
    }
}
