//! Provides the summary of a dataset that was committed: its counts, and what was left out or overruled.

use std::path::Path;
use std::time::Duration;

use pipeline::event::Outcome;

use super::output::say;
use super::{Exit, human_bytes};

/// Prints what was committed, how fast if `took` says how long it took, and what to run next.
pub(super) fn print(dir: &Path, outcome: &Outcome, took: Option<Duration>) -> Exit {
    let Outcome {
        shards,
        clips,
        assets,
        bytes,
        silent_clips,
        tallies,
        rejects,
    } = outcome;
    let speed = took.map_or(String::new(), |took| {
        let seconds = took.as_secs_f64();
        format!(" in {seconds:.1} s ({:.0} clips/s)", *clips as f64 / seconds)
    });
    say!(
        "Committed {}: {clips} clips of {assets} recordings in {shards} shards, {}{speed}",
        dir.display(),
        human_bytes(*bytes)
    );
    let rejected = rejects.len() as u64;
    for (count, one, many) in [
        (
            *silent_clips,
            "clip is digital silence (flagged `silent`)",
            "clips are digital silence (flagged `silent`)",
        ),
        (
            rejected,
            "recording was rejected (see rejects.parquet for the reason)",
            "recordings were rejected (see rejects.parquet for the reasons)",
        ),
    ] {
        match count {
            0 => {}
            1 => say!("  1 {one}"),
            _ => say!("  {count} {many}"),
        }
    }
    for sentence in tallies.sentences() {
        say!("  {sentence}");
    }
    let dir = dir.display();
    say!("Next: l48 verify {dir}   |   l48 stats {dir}   |   l48 preview {dir} --asset ID --out sheet.png");
    if rejected == 0 { Exit::Clean } else { Exit::Rejects }
}

/// As [`print`], of a dataset made of others: recordings that were rejected when those were built are no news.
pub(super) fn print_rework(dir: &Path, outcome: &Outcome) -> Exit {
    print(dir, outcome, None);
    Exit::Clean
}
