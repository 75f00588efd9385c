//! Measures mAP of more scores than memory holds: 1 million clips of 1,000 classes, a hundredth of 10 million of 10,000.
//!
//! `cargo run --release -p trainer --example large_evaluation [CLIPS] [CLASSES] [MEGABYTES] [REPLICATES]` ranks random
//! scores with so many megabytes of memory, by default 500, from a file beside where it is started; with 0 MEGABYTES they
//! stay in memory. With REPLICATES it computes an interval, too.
#![allow(clippy::print_stdout, reason = "what it is for")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use loader::random::{Purpose, keyed};
use rand::RngExt;
use trainer::metric::{Positives, ScoreWriter, evaluate_table, interval_of_table};

const CLIPS_PER_RECORDING: usize = 10;
/// Classes present in a clip; their scores are higher, on the average.
const PRESENT: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual| arguments.next().map_or(Ok(usual), |number| number.parse::<usize>());
    let (clips, classes) = (number(1_000_000)?, number(1_000)?);
    let (megabytes, replicates) = (number(500)?, u32::try_from(number(0)?)?);
    let start = Instant::now();
    let mut writer = match megabytes {
        0 => ScoreWriter::in_memory(classes),
        _ => ScoreWriter::in_file(classes, Path::new("."), megabytes as u64 * 1_000_000)?,
    };
    let (mut scores, mut present) = (vec![0.0; classes], Vec::with_capacity(clips * PRESENT));
    for clip in 0..clips {
        let mut random = keyed(48, Purpose::Weights, &[clip as u64]);
        scores.fill_with(|| random.random::<f32>());
        let mut of_clip = [0; PRESENT].map(|_: u32| random.random_range(0..classes as u32));
        of_clip.sort_unstable();
        for class in of_clip {
            scores[class as usize] += 0.5;
        }
        // The same class twice is one class.
        present.push(of_clip);
        writer.push(&scores)?;
    }
    let table = writer.finish()?;
    println!(
        "{clips} clips x {classes} classes, {:.1} GB of scores: written in {:.1} s, {}",
        (clips * classes * size_of::<f32>()) as f64 / 1e9,
        start.elapsed().as_secs_f64(),
        memory()?
    );
    let start = Instant::now();
    let distinct: Vec<Vec<u32>> = present
        .iter()
        .map(|of_clip| {
            let mut of_clip = of_clip.to_vec();
            of_clip.dedup();
            of_clip
        })
        .collect();
    let positives = Positives::of_rows(classes, distinct.iter().map(Vec::as_slice));
    drop((distinct, present));
    let evaluation = evaluate_table(&table, &positives)?;
    println!(
        "mAP {:.17} in {:.1} s, {}",
        evaluation.map,
        start.elapsed().as_secs_f64(),
        memory()?
    );
    if replicates > 0 {
        let start = Instant::now();
        let assets: Vec<i64> = (0..clips).map(|clip| (clip / CLIPS_PER_RECORDING) as i64).collect();
        let [low, high] = interval_of_table(&table, &positives, &assets, 48, replicates)?;
        println!(
            "[{low:.17}, {high:.17}] of {replicates} replicates in {:.1} s, {}",
            start.elapsed().as_secs_f64(),
            memory()?
        );
    }
    Ok(())
}

/// The most memory that the process has had, as Linux tells it.
fn memory() -> Result<String, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Ok(format!(
        "{:.0} MB at most",
        kilobytes.unwrap_or(f64::NAN) * 1024.0 / 1e6
    ))
}
