//! Provides `l48 stats`: clips, recordings and labels by split and by class.

use anyhow::Result;
use shardfmt::Dataset;

use super::Exit;
use super::output::say;
use crate::cli::StatsArgs;
use crate::stats::{SplitStats, Spread, Stats};

pub(super) fn run(args: StatsArgs) -> Result<Exit> {
    let stats = Stats::of(&Dataset::open(&args.dir)?)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&stats)?);
    } else {
        print(&stats);
    }
    Ok(Exit::Clean)
}

fn print(stats: &Stats) {
    let row = |name: &str, cell: &dyn Fn(&SplitStats) -> String| {
        let cells: String = stats
            .splits
            .iter()
            .map(|split| format!("{:>18}", cell(split)))
            .collect();
        say!("{name:<26}{cells}");
    };
    row("", &|s| s.split.clone());
    row("recordings", &|s| s.assets.to_string());
    row("clips", &|s| s.clips.to_string());
    row("hours of audio", &|s| format!("{:.2}", s.hours));
    row("fully annotated clips", &|s| share(s.fully_annotated, s.clips));
    row("clips with a positive", &|s| share(s.with_positive, s.clips));
    row("clips with any label", &|s| share(s.with_label, s.clips));
    row("clips with a box", &|s| share(s.with_box, s.clips));
    row("silent clips", &|s| s.silent.to_string());
    let spread = |s: &Spread| format!("{} {} {:.1} {:.1}", s.min, s.max, s.mean, s.median);
    row("positive labels", &|s| s.positives.total.to_string());
    row("  min max mean median", &|s| spread(&s.positives));
    row("negative labels", &|s| s.negatives.total.to_string());
    row("  min max mean median", &|s| spread(&s.negatives));
    say!("");
    let head = ["present", "absent", "unknown", "recordings", "evaluable"]
        .map(|name| format!("{name:>11}"))
        .concat();
    say!("{:<10}{:<28}{:<7}{head}", "code", "name", "split");
    for class in stats.classes.iter().filter(|class| class.present + class.absent > 0) {
        let counts = [
            class.present,
            class.absent,
            class.unknown,
            class.assets,
            class.evaluable,
        ];
        let counts = counts.map(|count| format!("{count:>11}")).concat();
        let name: String = class.common_name.as_deref().unwrap_or("").chars().take(27).collect();
        say!("{:<10}{name:<28}{:<7}{counts}", class.species_code, class.split);
    }
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        "0".into()
    } else {
        format!("{part} ({:.0}%)", 100.0 * part as f64 / whole as f64)
    }
}
