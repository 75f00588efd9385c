//! Tests `l48 import ml48s` on sets in the official layout: what comes out, of one thread, of several, and after kills.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use safetensors::SafeTensors;
use serde_json::{Value, json};
use shardfmt::{
    BoxStatus, Checks, Dataset, FrequencyScale, LabelRow, LabelSource, PriorRow, Row0, ValueReference, ValueUnit,
};

use crate::dataset_rows::{clips_of, codes, labels, open, priors};
use crate::file_tree::{assert_same, tree};
use crate::ml48s_set::{Ml48sSet, fixture};
use crate::outside::json as json_file;
use crate::picture_file::read_png;
use crate::program::{Ended, command, l48, run};
use crate::recordings::Workplace;
use crate::torture::{Delays, killed_after};

const SIDE_PIXELS: usize = 448;
const KILLS: u32 = 8;

/// The command that imports a set.
pub(crate) fn import(set: &Ml48sSet, out: &str, flags: &[&str]) -> Command {
    let mut command = command();
    command
        .args(["import", "ml48s"])
        .arg(set.folder())
        .arg("--out")
        .arg(set.beside(out))
        .args(flags);
    command
}

pub(crate) fn imported(set: &Ml48sSet, flags: &[&str]) -> (Ended, Dataset) {
    let ended = run(&mut import(set, "out", flags)).expect(0);
    let dataset = open(&set.beside("out"));
    (ended, dataset)
}

fn fixture_set() -> (Ml48sSet, String) {
    let set = Ml48sSet::fixture();
    set.write();
    let val = set.path("val_split.npy").to_str().unwrap().to_owned();
    (set, val)
}

/// All label rows in the order of `clips.json`.
pub(crate) fn in_source_order(dataset: &Dataset) -> Vec<LabelRow> {
    let mut rows = labels(dataset);
    rows.sort_by_key(|row| row.source_index);
    rows
}

#[test]
fn pictures_are_resized_as_pillow_does() {
    let (set, val) = fixture_set();
    let (ended, dataset) = imported(&set, &["--val-split", &val]);
    ended
        .complains("151 clips")
        .complains("boxes are x-first (inferred from")
        .complains("the top row of the pictures is taken to be the highest frequency");
    let head = dataset.head();
    assert_eq!(
        serde_json::to_value(head.clips).unwrap(),
        json!({"dtype": "U8", "channels": null, "height": 448, "width": 448})
    );
    assert_eq!(
        (head.axes.frequency_scale, head.axes.row_0, head.axes.fmax_hz),
        (FrequencyScale::Linear, Row0::Highest, 11_025.0)
    );
    assert_eq!(
        (head.values.unit, head.values.reference, head.values.step),
        (ValueUnit::Level, ValueReference::None, 1.0)
    );
    assert_eq!(
        (&head.config["source"], &head.config["boxes"]["order"]),
        (&json!("ml48s"), &json!("x-first"))
    );

    let bytes = fs::read(fixture("images.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let resized = tensors.tensor("resized").unwrap();
    let names = json_file(&fixture("expected.json"))["images"].clone();
    let rows = in_source_order(&dataset);
    let mut compared = 0;
    for (expected, name) in resized
        .data()
        .chunks(SIDE_PIXELS * SIDE_PIXELS)
        .zip(names.as_array().unwrap())
    {
        let source = set.clips.iter().position(|clip| clip["file_path"] == *name).unwrap();
        let row = &rows[source];
        let shard = dataset.open_shard(row.shard, Checks::Always).unwrap();
        let stored = shard.clip(row.row).unwrap();
        let differences = stored.iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
        let equal = differences.clone().filter(|difference| *difference == 0).count();
        let share = equal as f64 / expected.len() as f64;
        assert!(differences.max().unwrap() <= 1 && share >= 0.99, "{name}: {share}");
        assert!(shard.ref_db(row.row).unwrap().is_nan());
        compared += 1;
    }
    assert_eq!(compared, 7);
}

/// Labels and masks as the published formatter computes them, from the rows of a dataset.
struct Published<'a> {
    rows: Vec<&'a LabelRow>,
    priors: HashMap<i64, &'a PriorRow>,
    classes: u32,
}

impl Published<'_> {
    fn matrix(&self, value: impl Fn(&LabelRow, u32) -> bool) -> Vec<u8> {
        let of_row = |row: &LabelRow| {
            (0..self.classes)
                .map(|class| u8::from(value(row, class)))
                .collect::<Vec<u8>>()
        };
        self.rows.iter().flat_map(|row| of_row(row)).collect()
    }

    fn mask(&self, mode: &str) -> Vec<u8> {
        self.matrix(|row, class| {
            let prior = self.priors[&row.asset_id];
            let is_target = row.target == Some(class);
            let heard = row.present.contains(&class);
            let ruled_out = |listed: &Option<Vec<u32>>| !listed.as_ref().unwrap().contains(&class);
            match mode {
                "full" => !row.unknown.contains(&class),
                "target" => is_target && heard,
                _ if is_target => heard,
                "geo" => ruled_out(&prior.geo_possible),
                _ => ruled_out(&prior.checklist_observed),
            }
        })
    }
}

#[test]
fn labels_masks_and_kept_rows_are_the_published_ones() {
    let (set, val) = fixture_set();
    let (_, dataset) = imported(&set, &["--val-split", &val, "--shard-clips", "20"]);
    let (rows, priors) = (in_source_order(&dataset), priors(&dataset));
    let bytes = fs::read(fixture("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let expected = json_file(&fixture("expected.json"));
    let mut combinations = 0;
    for split in ["train", "val", "test"] {
        let published = Published {
            rows: rows.iter().filter(|row| row.split.as_str() == split).collect(),
            priors: priors.iter().map(|prior| (prior.asset_id, prior)).collect(),
            classes: dataset.taxa().len() as u32,
        };
        let index: Vec<u8> = published
            .rows
            .iter()
            .flat_map(|row| row.source_index.unwrap().to_le_bytes())
            .collect();
        assert_eq!(
            index,
            tensors.tensor(&format!("{split}.clip_index")).unwrap().data(),
            "{split}"
        );
        let labels = published.matrix(|row, class| row.present.contains(&class));
        assert_eq!(
            labels,
            tensors.tensor(&format!("{split}.labels")).unwrap().data(),
            "{split}"
        );
        let evaluated: Vec<usize> = (0..published.rows.len())
            .filter(|&row| published.rows[row].fully_annotated)
            .collect();
        assert_eq!(json!(evaluated), expected["splits"][split]["evaluated"], "{split}");
        for mode in ["full", "target", "geo", "checklist"] {
            let mask = published.mask(mode);
            assert_eq!(
                mask,
                tensors.tensor(&format!("{split}.mask.{mode}")).unwrap().data(),
                "{split} {mode}"
            );
            let classes = published.classes as usize;
            for (unannotated, empty) in [(false, false), (false, true), (true, false), (true, true)] {
                let kept = (0..published.rows.len()).filter(|row| {
                    let of_row = row * classes..(row + 1) * classes;
                    let known = mask[of_row.clone()].iter().zip(&labels[of_row]);
                    (!unannotated || known.clone().any(|(mask, _)| *mask == 1))
                        && (!empty || known.clone().any(|both| both == (&1, &1)))
                });
                let wanted =
                    &expected["splits"][split]["kept"][format!("{mode}/unannotated={unannotated}/empty={empty}")];
                assert_eq!(
                    json!(kept.collect::<Vec<usize>>()),
                    *wanted,
                    "{split} {mode} {unannotated} {empty}"
                );
                combinations += 1;
            }
        }
    }
    assert_eq!(combinations, 48);
}

#[test]
fn rows_say_what_the_set_says() {
    let set = Ml48sSet::small();
    set.write();
    let (_, dataset) = imported(&set, &[]);
    let ids: Vec<i64> = dataset.assets().iter().map(|asset| asset.asset_id).collect();
    assert_eq!(ids, [30, 4, 800], "in the order of their first clips");
    let rows = clips_of(&dataset, 4);
    let told: Vec<(Option<i64>, Option<i64>, f64)> = rows
        .iter()
        .map(|row| (row.source_index, row.source_id, row.start_s))
        .collect();
    assert_eq!(
        told,
        [
            (Some(2), Some(998), 0.0),
            (Some(4), Some(996), 6.0),
            (Some(5), Some(995), 3.0),
            (Some(6), Some(994), 15.0)
        ]
    );
    let row = &rows[1];
    let lists = [&row.present, &row.absent, &row.unknown].map(|list| codes(&dataset, list));
    assert_eq!(lists, ["b", "c", "a"]);
    assert_eq!(
        (row.fully_annotated, row.label_source, row.silent, row.rms_dbfs),
        (false, LabelSource::Incomplete, false, None)
    );
    let found = &row.boxes[0];
    assert_eq!((&*found.species_code, found.status), ("b", BoxStatus::Active));
    let near = |a: f64, b: f64| (a - b).abs() < 1e-5;
    assert!(near(found.start_s, 6.6) && near(found.end_s, 6.96), "{found:?}");
    assert!(
        near(found.low_hz.unwrap(), 1102.5) && near(found.high_hz.unwrap(), 4961.25),
        "{found:?}"
    );
    assert!(
        near(found.x_min.into(), 0.2) && near(found.y_max.unwrap().into(), 0.9),
        "{found:?}"
    );
    let asset = dataset.assets().iter().find(|asset| asset.asset_id == 4).unwrap();
    assert_eq!(
        (&*asset.path, &*asset.codec, asset.duration_s, asset.clips),
        ("images/4", "jpeg", 18.0, 4)
    );
    let prior = priors(&dataset).into_iter().find(|prior| prior.asset_id == 4).unwrap();
    assert_eq!(codes(&dataset, prior.geo_possible.as_ref().unwrap()), "b a");
    assert_eq!(codes(&dataset, prior.checklist_observed.as_ref().unwrap()), "b");
    assert_eq!((prior.geo_modelled, prior.checklist_complete), (None, Some(true)));
}

#[test]
fn boxes_written_y_first_are_noticed_and_read_so() {
    let set = Ml48sSet::small();
    set.write();
    let (ended, dataset) = imported(&set, &[]);
    ended.complains("boxes are x-first (inferred from 12 pictures)");
    let as_documented = labels(&dataset);

    let mut turned = Ml48sSet::small();
    turned.write();
    for clip in &mut turned.clips {
        let edges = clip["boxes"][0]["bbox"].clone();
        clip["boxes"][0]["bbox"] = json!([edges[1], edges[0], edges[3], edges[2]]);
    }
    turned.write();
    let (ended, dataset) = imported(&turned, &[]);
    ended.complains("boxes are y-first (inferred from 12 pictures)");
    assert_eq!(dataset.head().config["boxes"], json!({"order": "y-first"}));
    assert_eq!(labels(&dataset), as_documented);

    // Against the pictures: the user is asked for nothing else.
    run(&mut import(&set, "against", &["--box-order", "y-first"]))
        .expect(0)
        .complains("boxes are y-first (set by --box-order)");
    assert_ne!(labels(&open(&set.beside("against"))), as_documented);
}

/// Too few pictures to tell: said, and not taken for a change of the set when more of them are there.
#[test]
fn boxes_that_pictures_leave_open_are_read_as_documented() {
    let set = Ml48sSet::small();
    set.write();
    let boxed: Vec<PathBuf> = set
        .clips
        .iter()
        .filter(|clip| clip["boxes"][0].is_object())
        .map(|clip| set.path(clip["file_path"].as_str().unwrap()))
        .collect();
    let aside = set.beside("aside");
    fs::create_dir(&aside).unwrap();
    let moved: Vec<(&PathBuf, PathBuf)> = boxed
        .iter()
        .take(3)
        .zip(0..)
        .map(|(file, number)| (file, aside.join(number.to_string())))
        .collect();
    for (file, there) in &moved {
        fs::rename(file, there).unwrap();
    }
    let ended = run(&mut import(&set, "out", &["--max-rejects", "0"])).expect(2);
    ended.complains("9 pictures do not show which coordinate of a box comes first");
    for (file, there) in &moved {
        fs::rename(there, file).unwrap();
    }
    let (ended, _) = imported(&set, &["--resume"]);
    ended.complains("boxes are x-first (inferred from 12 pictures)");
}

#[test]
fn pictures_upside_down_are_read_so_when_told() {
    let set = Ml48sSet::small();
    set.write();
    let (_, dataset) = imported(&set, &["--row-0", "lowest"]);
    assert_eq!(dataset.head().axes.row_0, Row0::Lowest);
    // The box from .55 to .9 of the height, counted from the top.
    let found = &labels(&dataset)[0].boxes[0];
    let near = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 1e-6;
    assert!(
        near(found.low_hz, 0.55 * 11_025.0) && near(found.high_hz, 0.9 * 11_025.0),
        "{found:?}"
    );
    assert!((found.y_min.unwrap() - 0.55).abs() < 1e-6, "{found:?}");
}

#[test]
fn any_number_of_threads_and_any_kill_ends_in_the_same_bytes() {
    let (set, val) = fixture_set();
    let flags = ["--val-split", &val, "--shard-clips", "12"];
    let started = Instant::now();
    run(&mut import(&set, "whole", &[&flags[..], &["--threads", "1"]].concat())).expect(0);
    let took = started.elapsed();
    let whole = tree(&set.beside("whole"));
    run(&mut import(
        &set,
        "threads",
        &[&flags[..], &["--threads", "3"]].concat(),
    ))
    .expect(0);
    assert_same(&whole, &tree(&set.beside("threads")), "one thread and three");

    let (mut kills, mut delays) = (0, Delays::new());
    let resumed = [&flags[..], &["--resume", "--threads", "2"]].concat();
    for round in 0.. {
        let killed = killed_after(import(&set, "out", &resumed), delays.below(took));
        kills += u32::from(killed);
        if set.beside("out/dataset.json").exists() {
            run(&mut import(&set, "out", &resumed)).expect(0);
            assert_same(&whole, &tree(&set.beside("out")), "whole and killed");
            fs::remove_dir_all(set.beside("out")).unwrap();
        }
        if kills >= KILLS {
            break;
        }
        assert!(round < 200, "the imports end before they can be killed");
    }
    run(&mut import(&set, "out", &resumed)).expect(0);
    assert_same(&whole, &tree(&set.beside("out")), "whole and killed");
    // Nothing is to be done any more, but what was imported can be verified; another val split is another dataset.
    run(&mut import(&set, "out", &resumed)).expect(0).prints("Verified");
    run(&mut import(&set, "out", &["--shard-clips", "12", "--resume"]))
        .expect(2)
        .complains("tables_xxh3.val_split");
}

#[test]
fn other_commands_take_an_imported_dataset_or_say_why_not() {
    let set = Ml48sSet::small();
    set.write();
    let (ended, _) = imported(&set, &[]);
    ended.prints("Next: l48 verify");
    let out = set.beside("out");
    l48!("verify", &out).expect(0);
    let stats = l48!("stats", &out, "--json").expect(0).json();
    let counts = |split: usize| ["split", "assets", "clips", "with_box"].map(|key| stats["splits"][split][key].clone());
    assert_eq!(counts(0), [json!("train"), json!(2), json!(8), json!(8)]);
    assert_eq!(counts(2), [json!("test"), json!(1), json!(4), json!(4)]);
    let labels_of = |split: usize| ["positives", "negatives"].map(|key| stats["splits"][split][key]["total"].clone());
    assert_eq!(labels_of(3), [json!(12), json!(12)]);
    let shown: Value = l48!("inspect", &out, "--json").expect(0).json();
    assert_eq!(
        (&shown["config"]["source"], &shown["axes"]["row_0"]),
        (&json!("ml48s"), &json!("highest"))
    );
    let sheet = set.beside("sheet.png");
    l48!("preview", &out, "--asset", "30", "--out", &sheet).expect(0);
    assert!(read_png(&sheet).width > 4 * 448);
    let chosen = set.beside("chosen.csv");
    std::fs::write(&chosen, "4\n30,1\n800,0\n").unwrap();
    l48!("subset", &out, "--clips", &chosen, "--out", set.beside("subset")).expect(0);
    assert_eq!(labels(&open(&set.beside("subset"))).len(), 6, "all four of asset 4");
    l48!("reshard", &out, "--clips", "4", "--out", set.beside("resharded")).expect(0);
    assert_eq!(open(&set.beside("resharded")).shard_count(), 3);
    let place = Workplace::with_recordings("", &[(30, 4.0)]);
    l48!("relabel", &out, place.manifest())
        .expect(2)
        .complains("it was imported (ml48s); import the set again");
}
