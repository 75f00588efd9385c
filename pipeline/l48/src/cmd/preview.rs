//! Provides `l48 preview`: a clip, or all clips of a recording, as a picture.

use anyhow::{Result, bail};
use storage::Location;

use super::Exit;
use super::output::say;
use crate::cli::PreviewArgs;
use pipeline::preview::{SHEET_CLIPS, clips_of, draw};

pub(super) fn run(args: PreviewArgs) -> Result<Exit> {
    let dataset = args.cache.open(&args.dir)?;
    let Some(asset) = dataset.assets().iter().find(|asset| asset.asset_id == args.asset) else {
        let mut ids: Vec<i64> = dataset.assets().iter().map(|asset| asset.asset_id).collect();
        ids.sort_unstable_by_key(|id| id.abs_diff(args.asset));
        ids.truncate(5);
        bail!(
            "asset {} is not in {}; the nearest ids are {ids:?}",
            args.asset,
            Location::of(&args.dir)
        );
    };
    let (shard, mut rows) = clips_of(&dataset, asset)?;
    if let Some(clip) = args.clip {
        let count = rows.len();
        rows.retain(|row| row.clip_index == clip);
        if rows.is_empty() {
            bail!(
                "asset {} has {count} clips: --clip must be from 0 to {}",
                args.asset,
                count.saturating_sub(1)
            );
        }
    }
    if rows.len() > SHEET_CLIPS {
        tracing::warn!(
            "the sheet shows the first {SHEET_CLIPS} of {} clips; use --clip for others",
            rows.len()
        );
        rows.truncate(SHEET_CLIPS);
    }
    draw(&dataset, &shard, asset, &rows, &args.out)?;
    say!("{}", args.out.display());
    Ok(Exit::Clean)
}
