//! Provides a set of recordings whose truth is known and can be learnt in seconds: each class is a tone of its own.

use std::path::{Path, PathBuf};

use crate::program::{Ended, l48, run, train_command};
use crate::recordings::{MINIMAL, RATE_HZ, Workplace};

/// Species codes, in class order.
pub(crate) const CODES: [&str; 4] = ["lowpip", "midpip", "highpip", "toppip"];
/// Windows of 3 s in a recording.
pub(crate) const WINDOWS: u32 = 4;
pub(crate) const RECORDINGS: u32 = 40;

const PITCHES_HZ: [f64; 4] = [800.0, 1700.0, 3400.0, 6800.0];

/// Classes that sound in a window of a recording.
pub(crate) fn present(recording: u32, window: u32) -> Vec<usize> {
    let classes = 0..CODES.len() as u32;
    let sounds = |class: &u32| (recording * 7 + window * 5 + class * 3 + recording * class).is_multiple_of(3);
    classes.filter(sounds).map(|class| class as usize).collect()
}

/// Split of a recording.
pub(crate) fn split(recording: u32) -> &'static str {
    match recording % 5 {
        3 => "val",
        4 => "test",
        _ => "train",
    }
}

/// The sound of a recording.
pub(crate) fn sound(recording: u32) -> Vec<f32> {
    sound_of(recording, &present)
}

/// The sound of a recording in whose windows these classes sound: in each its tones, half a second from either end, over
/// faint noise.
pub(crate) fn sound_of(recording: u32, present: &dyn Fn(u32, u32) -> Vec<usize>) -> Vec<f32> {
    let mut state = u64::from(recording).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let frames = 3 * RATE_HZ * WINDOWS;
    let classes: Vec<Vec<usize>> = (0..WINDOWS).map(|window| present(recording, window)).collect();
    let sample = |frame: u32| {
        // Xorshift (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let noise = (state >> 40) as f64 / (1u64 << 23) as f64 - 1.0;
        let time_s = f64::from(frame) / f64::from(RATE_HZ);
        let (window, into_s) = ((time_s / 3.0) as usize, time_s % 3.0);
        let tones = classes[window].iter().map(|class| {
            let phase = std::f64::consts::TAU * PITCHES_HZ[*class] * time_s;
            if (0.5..2.5).contains(&into_s) {
                0.2 * phase.sin()
            } else {
                0.0
            }
        });
        (0.02 * noise + tones.sum::<f64>()) as f32
    };
    (0..frames).map(sample).collect()
}

/// The set in a workplace: recordings, tables and `manifest.toml`, whose clips start every `hop_s`.
pub(crate) fn place(hop_s: &str) -> Workplace {
    let place = Workplace::new();
    let (mut recordings, mut boxes) = (
        String::from("asset_id,path,target_species,split\n"),
        String::from("asset_id,start_s,end_s,species_code\n"),
    );
    for recording in 0..RECORDINGS {
        let path = format!("audio/{recording}.wav");
        place.wav(&path, RATE_HZ, 1, &sound(recording));
        recordings += &format!("{recording},{path},,{}\n", split(recording));
        for window in 0..WINDOWS {
            let start_s = f64::from(window) * 3.0 + 0.5;
            for class in present(recording, window) {
                boxes += &format!("{recording},{start_s},{},{}\n", start_s + 2.0, CODES[class]);
            }
        }
    }
    let spans = (0..RECORDINGS).map(|recording| format!("{recording},0,12,all\n"));
    place.write(
        "spans.csv",
        &format!("asset_id,start_s,end_s,scope\n{}", spans.collect::<String>()),
    );
    place.write("recordings.csv", &recordings);
    place.write("boxes.csv", &boxes);
    let taxa = CODES.map(|code| format!("{code},The {code},Pipus {code}\n"));
    place.write(
        "taxa.csv",
        &format!("species_code,common_name,scientific_name\n{}", taxa.concat()),
    );
    place.write("manifest.toml", &manifest("boxes = \"boxes.csv\"\n", hop_s));
    place
}

/// A manifest of the set with these tables of boxes.
pub(crate) fn manifest(boxes: &str, hop_s: &str) -> String {
    let tables = format!("{boxes}annotated_spans = \"spans.csv\"\n");
    format!("{MINIMAL}{tables}\n[clips]\nhop_s = {hop_s}\n\n[labels]\ncompleteness = \"span\"\n")
}

/// Builds the set into `data` and trains on it.
pub(crate) fn trained(place: &Workplace) -> (PathBuf, PathBuf) {
    let (data, out) = (place.path("data"), place.path("run"));
    l48!("build", place.manifest(), "--out", &data).expect(0);
    fit(&data, &out).expect(0);
    (data, out)
}

/// Trains a tiny network on a dataset of the set.
pub(crate) fn fit(data: &Path, out: &Path) -> Ended {
    fit_with(data, out, &["--epochs", "8", "--batch", "16"])
}

/// The same with other settings.
pub(crate) fn fit_with(data: &Path, out: &Path, settings: &[&str]) -> Ended {
    let mut command = train_command();
    command.arg("fit").arg(data).arg("--out").arg(out);
    command.args("--arch tiny --mode full --lr 5e-3 --threads 1 --device cpu".split(' '));
    run(command.args(settings))
}

/// Runs `l48-train` with arguments of any mix of strings and paths, on the CPU where it computes.
macro_rules! l48_train {
    ($($argument:expr),* $(,)?) => { $crate::program::run($crate::program::train_command()$(.arg($argument))*) };
}
pub(crate) use l48_train;
