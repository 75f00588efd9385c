//! Provides `deliver`: a shard that was built in scratch goes to where the dataset is kept.
//!
//! Nothing there keeps writers out. Two machines that build the same shard send the same bytes, and whichever record
//! comes first stays; where their recordings differ, the later one sees it and fails.

use shardfmt::dataset::FolderState;
use shardfmt::{OutputFolder, Xxh3};

use super::ledger::{Recorded, ShardRecord, read_record, recorded};
use crate::dataset_source::DatasetSource;
use crate::error::{Error, Result};

/// Publishes a finished shard of a scratch folder, unless somebody has, and removes it from there; leaves a shard of a
/// folder that is the dataset's own as it is.
///
/// # Errors
/// [`Error::BuiltOtherwise`]; [`Error::NotPlanned`] if the plan has been removed; a failed write.
pub(super) fn deliver<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    plan_xxh3: Xxh3,
    record: &ShardRecord,
) -> Result<()> {
    if !folder.is_scratch() {
        return Ok(());
    }
    match folder.state()? {
        FolderState::Unfinished => publish(source, folder, plan_xxh3, record)?,
        // By others, who built this shard too.
        FolderState::Committed => {}
        FolderState::Free | FolderState::Foreign(_) => return Err(Error::NotPlanned { path: folder.place() }),
    }
    Ok(folder.drop_unpublished(&record.files)?)
}

fn publish<S: DatasetSource>(source: &S, folder: &OutputFolder, plan_xxh3: Xxh3, record: &ShardRecord) -> Result<()> {
    let shard = record.shard;
    match recorded(source, folder, plan_xxh3, shard)? {
        // Theirs is whole; ours may lack what could not be read just now.
        Recorded::Finished(theirs) if theirs.files == record.files || !record.is_final() => return Ok(()),
        Recorded::Finished(theirs) => return Err(built_otherwise(source, folder, record, &theirs)),
        Recorded::Stale => folder.records().remove_shard(shard)?,
        Recorded::Nothing => {}
    }
    let is_ours = folder.publish_shard(&record.files, record)?;
    if folder.state()? == FolderState::Committed {
        // Nobody needs the record any more. It was of the same files, or the commit would not have found them whole.
        return Ok(folder.records().remove_shard(shard)?);
    }
    if is_ours {
        return Ok(());
    }
    match read_record(folder, shard)? {
        // It may tell of other times of change.
        Some(theirs) if theirs.is_of(plan_xxh3) && theirs.files == record.files => Ok(()),
        Some(theirs) => {
            // Both have just written files of this shard: it is to be built again.
            folder.records().remove_shard(shard)?;
            Err(built_otherwise(source, folder, record, &theirs))
        }
        None => Err(Error::NotPlanned { path: folder.place() }),
    }
}

fn built_otherwise<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    ours: &ShardRecord,
    theirs: &ShardRecord,
) -> Error {
    let other = ours.sources.iter().zip(&theirs.sources).find(|(a, b)| a.xxh3 != b.xxh3);
    let difference = match other {
        Some((own, _)) => format!("asset {} has other bytes here", source.name(own.asset).0),
        None => "from the same recordings".to_owned(),
    };
    Error::BuiltOtherwise {
        path: folder.place(),
        shard: ours.shard,
        difference,
    }
}
