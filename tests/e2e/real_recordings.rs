//! Tests a build of field recordings in every format: what is refused, how long the others are, and how they look.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use shardfmt::Dataset;

use crate::dataset_rows::{asset, clips_of, labels, open};
use crate::file_tree::names;
use crate::outside::{fixtures, json, real_data};
use crate::picture_file::read_png;
use crate::program::l48;
use crate::recordings::Workplace;

/// AAC with six channels, and a data chunk that is not there.
const REFUSED: [&str; 2] = ["big_buck_bunny_small.mp4", "empty_2c.wav"];
/// Assets of the files that the table of recordings does not name start here.
const FIRST_OTHER: i64 = 9001;

#[test]
fn every_file_is_taken_whole_or_refused_with_a_reason() {
    let (Some(data), Some(decode)) = (real_data(), fixtures("decode")) else {
        return;
    };
    let truth = json(&decode.join("truth.json"));
    let place = Workplace::new();
    let others = write_manifest(&place, &data);
    let out = place.path("out");
    let built = l48!("build", place.manifest(), "--out", &out).expect(1);
    l48!("verify", &out).expect(0);
    let dataset = open(&out);

    let rejects = dataset.rejects().unwrap();
    let refused: BTreeSet<&str> = rejects.iter().map(|row| file_name(&row.path)).collect();
    assert_eq!(refused, BTreeSet::from(REFUSED));
    for row in &rejects {
        assert!(others.contains_key(&row.asset_id) && row.reason.len() > 10, "{row:?}");
        assert!(
            built.stderr.contains(&format!("rejected asset {}", row.asset_id)),
            "{}",
            built.stderr
        );
    }
    assert_eq!(dataset.assets().len() + rejects.len(), names(&data.join("audio")).len());

    for row in dataset.assets() {
        let expected = &truth["files"][file_name(&row.path)];
        let frames = row.duration_s * f64::from(row.native_rate_hz);
        assert!((frames - frames.round()).abs() < 1e-3, "{row:?}");
        assert_eq!(
            frames.round() as u64,
            expected["n_samples"].as_u64().unwrap(),
            "frames of {}",
            row.path
        );
        assert_eq!(
            u64::from(row.native_rate_hz),
            expected["sample_rate"].as_u64().unwrap(),
            "{}",
            row.path
        );
        assert_eq!(
            u64::from(row.channels),
            expected["channels"].as_u64().unwrap(),
            "{}",
            row.path
        );
        assert_eq!(row.source_bytes, expected["bytes"].as_u64().unwrap(), "{}", row.path);
        clips_cover(&dataset, row);
    }
    // 320,001 frames at 32 kHz: 220,500.7 samples at 22,050 Hz, so three whole clips and a fourth of a third.
    let clips = clips_of(&dataset, 1001);
    assert_eq!(clips.len(), 4);
    assert!((clips[3].valid_s - 1.000_031_25).abs() < 1e-9, "{}", clips[3].valid_s);
    // 2.7 s become one clip of 59,505 samples.
    assert!((clips_of(&dataset, 1024)[0].valid_s - 59_505.0 / 22_050.0).abs() < 1.0 / 22_050.0);
    a_picture_shows_the_boxes(&place, &out);
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The table of recordings and a row for every other file; returns those other assets.
fn write_manifest(place: &Workplace, data: &Path) -> BTreeMap<i64, String> {
    let folder = data.to_str().unwrap();
    let mut table = std::fs::read_to_string(data.join("recordings.csv")).unwrap();
    let unnamed: Vec<String> = names(&data.join("audio"))
        .into_iter()
        .filter(|name| !table.contains(&format!("audio/{name},")))
        .collect();
    let others: BTreeMap<i64, String> = (FIRST_OTHER..).zip(unnamed).collect();
    for (id, name) in &others {
        table += &format!("{id},audio/{name},,,,,,train,,\n");
    }
    place.write(
        "recordings.csv",
        &table.replace(",audio/", &format!(",{folder}/audio/")),
    );
    let tables = ["taxa", "boxes", "geo_prior", "checklist_prior"];
    let tables: String = tables
        .map(|name| format!("{name} = \"{folder}/{name}.csv\"\n"))
        .concat();
    place.write(
        "manifest.toml",
        &format!(
            "[dataset]\nname = \"real\"\n[tables]\nrecordings = \"recordings.csv\"\n{tables}\
             [labels]\nunknown_bird_codes = [\"unkbrd\"]\n[shards]\nclips = 32\n"
        ),
    );
    others
}

/// The fewest clips of 3 s that hold the whole recording, the last one with the rest of it.
fn clips_cover(dataset: &Dataset, row: &shardfmt::AssetRow) {
    let clips = clips_of(dataset, row.asset_id);
    assert_eq!(clips.len() as u32, row.clips);
    let expected = (row.duration_s / 3.0).ceil().max(1.0);
    assert_eq!(
        f64::from(row.clips),
        expected,
        "clips of {} ({} s)",
        row.path,
        row.duration_s
    );
    let valid_s: f64 = clips.iter().map(|clip| clip.valid_s).sum();
    // A recording ends within one sample of where its resampled version does.
    assert!(
        (valid_s - row.duration_s).abs() <= 1.0 / 22_050.0,
        "{}: {valid_s} of {} s",
        row.path,
        row.duration_s
    );
}

fn a_picture_shows_the_boxes(place: &Workplace, out: &Path) {
    let sheet = place.path("sheet.png");
    l48!("preview", out, "--asset", "1001", "--out", &sheet).expect(0);
    let sheet = read_png(&sheet);
    assert!(sheet.width >= 4 * 448 && sheet.height >= 448 && sheet.width < 4 * 700 && sheet.height < 700);

    // The same clip, in a dataset without boxes: where the pictures differ, boxes and names were drawn.
    place.edit("manifest.toml", "\nboxes = ", "\n# boxes = ");
    let bare = place.path("bare");
    l48!("build", place.manifest(), "--out", &bare).expect(1);
    let picture = |dataset: &Path, name: &str| {
        let path = place.path(name);
        l48!("preview", dataset, "--asset", "1001", "--clip", "1", "--out", &path).expect(0);
        read_png(&path)
    };
    let (with, without) = (picture(out, "with.png"), picture(&bare, "without.png"));
    assert_eq!((with.width, with.height), (without.width, without.height));
    let differs = |x: u32, y: u32| with.pixel(x, y) != without.pixel(x, y);
    let clip = &clips_of(&open(out), 1001)[1];
    let found = clip.boxes.iter().find(|found| found.species_code == "bkcchi").unwrap();
    // How far the upper edge of the box is from the lower one, in pixels of the image.
    let height = ((found.y_max.unwrap() - found.y_min.unwrap()) * 448.0).round() as u32;
    let width = ((found.x_max - found.x_min) * 448.0).round() as u32;
    let line_from = |x: u32, y: u32| (x..(x + width).min(with.width)).filter(|&x| differs(x, y)).count() as u32;
    let near = |a: u32, b: u32| a.abs_diff(b) <= 2;
    let edges: Vec<(u32, u32)> = (0..with.height)
        .flat_map(|y| (0..with.width).map(move |x| (x, y)))
        .filter(|&(x, y)| differs(x, y) && line_from(x, y) * 10 >= width * 9)
        .collect();
    let is_box = edges
        .iter()
        .any(|&(x, y)| edges.iter().any(|&(u, v)| near(x, u) && v > y && near(v - y, height)));
    assert!(
        is_box,
        "two lines of {width} pixels, {height} apart, should be drawn; {} starts of lines are",
        edges.len()
    );
    assert!(labels(&open(&bare)).iter().all(|row| row.boxes.is_empty()));
    assert_eq!(asset(&open(&bare), 1001), asset(&open(out), 1001));
}

#[test]
fn the_reference_values_name_every_file_there_is() {
    let (Some(data), Some(decode)) = (real_data(), fixtures("decode")) else {
        return;
    };
    let truth = json(&decode.join("truth.json"));
    let known: Vec<&String> = truth["files"]
        .as_object()
        .map(|files: &serde_json::Map<String, Value>| files.keys().collect())
        .unwrap();
    assert!(names(&data.join("audio")).iter().eq(BTreeSet::from_iter(known)));
}
