//! Labels, masks and kept rows: equal to those of the published program, and what happens around them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use loader::{Catalogue, Error, Filters, FullUnknown, Mode, Rows, Supervision};
use safetensors::SafeTensors;
use serde_json::Value;
use shardfmt::{Dataset, LabelRow, LabelSource, PriorRow, Split};

/// Folder of the fixtures: the committed ones, or those in the folder that `L48_FIXTURES` names.
fn fixtures() -> PathBuf {
    let committed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::env::var_os("L48_FIXTURES")
        .map_or_else(committed, PathBuf::from)
        .join("modes")
}

/// An u8 tensor, and its first dimension.
fn u8s(file: &SafeTensors<'_>, name: &str) -> (Vec<u8>, usize) {
    let view = file.tensor(name).unwrap();
    assert_eq!(view.dtype(), safetensors::Dtype::U8, "{name}");
    (view.data().to_vec(), view.shape()[0])
}

/// An i64 tensor.
fn i64s(file: &SafeTensors<'_>, name: &str) -> Vec<i64> {
    let view = file.tensor(name).unwrap();
    assert_eq!(view.dtype(), safetensors::Dtype::I64, "{name}");
    let words = view.data().chunks_exact(8);
    words.map(|word| i64::from_le_bytes(word.try_into().unwrap())).collect()
}

/// A set in the official layout, as rows of the label and prior tables.
struct Official {
    classes: usize,
    labels: Vec<LabelRow>,
    priors: Vec<PriorRow>,
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The i64 values of an `.npy` file of format version 1.
fn npy_i64(path: &Path) -> Vec<i64> {
    let bytes = fs::read(path).unwrap();
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert!(String::from_utf8_lossy(&bytes[10..10 + header]).contains("'<i8'"));
    let values = bytes[10 + header..].chunks_exact(8);
    values
        .map(|value| i64::from_le_bytes(value.try_into().unwrap()))
        .collect()
}

impl Official {
    fn read(dir: &Path) -> Self {
        let taxa = fs::read_to_string(dir.join("taxa.csv")).unwrap();
        let mut lines = taxa.lines();
        let column = lines
            .next()
            .unwrap()
            .split(',')
            .position(|name| name == "species_code")
            .unwrap();
        let codes = lines.map(|line| line.split(',').nth(column).unwrap());
        let codes: HashMap<&str, u32> = codes.zip(0..).collect();
        let class = |code: &Value| codes[code.as_str().unwrap()];
        let list = |codes: &Value| codes.as_array().unwrap().iter().map(class).collect::<Vec<_>>();
        let val: HashSet<i64> = npy_i64(&dir.join("val_split.npy")).into_iter().collect();
        let (assets, clips) = (json(&dir.join("assets.json")), json(&dir.join("clips.json")));
        let (mut priors, mut recordings) = (Vec::new(), HashMap::new());
        for asset in assets.as_array().unwrap() {
            let id = asset["id"].as_i64().unwrap();
            let split = if val.contains(&id) {
                Split::Val
            } else {
                asset["split"].as_str().unwrap().parse().unwrap()
            };
            recordings.insert(id, (split, class(&asset["target_species_code"])));
            priors.push(PriorRow {
                asset_id: id,
                geo_possible: Some(list(&asset["possible_species_codes"])),
                checklist_observed: Some(list(&asset["observed_species_codes"])),
                checklist_complete: Some(true),
                ..PriorRow::default()
            });
        }
        let labels = clips.as_array().unwrap().iter().zip(0_u32..).map(|(clip, number)| {
            let (split, target) = recordings[&clip["asset_id"].as_i64().unwrap()];
            LabelRow {
                asset_id: clip["asset_id"].as_i64().unwrap(),
                clip_index: clip["clip_order"].as_u64().unwrap().try_into().unwrap(),
                row: number,
                split,
                target: Some(target),
                present: list(&clip["present_species_codes"]),
                absent: list(&clip["absent_species_codes"]),
                unknown: list(&clip["unknown_species_codes"]),
                source_index: Some(number.into()),
                source_id: clip["id"].as_i64(),
                others: None,
                from_recording: Vec::new(),
                ..empty_row()
            }
        });
        Official {
            classes: codes.len(),
            labels: labels.collect(),
            priors,
        }
    }

    /// The same with implied labels.
    fn implied(mut self) -> Self {
        let classes = self.classes as u32;
        for prior in &mut self.priors {
            let of_asset = |row: &&mut LabelRow| row.asset_id == prior.asset_id;
            let geo = shardfmt::GeoPrior::new(prior, classes);
            for row in self.labels.iter_mut().filter(of_asset) {
                shardfmt::LabelForm::Implied.apply_to(row, &geo, classes);
            }
        }
        self
    }

    fn catalogue(&self) -> Catalogue {
        Catalogue::from_rows(Path::new("official"), self.classes, &self.labels, &self.priors).unwrap()
    }
}

fn empty_row() -> LabelRow {
    LabelRow {
        asset_id: 0,
        clip_index: 0,
        shard: 0,
        row: 0,
        start_s: 0.0,
        end_s: 3.0,
        valid_s: 3.0,
        split: Split::Train,
        target: None,
        present: vec![],
        absent: vec![],
        unknown: vec![],
        fully_annotated: false,
        label_source: LabelSource::Given,
        silent: false,
        rms_dbfs: None,
        boxes: vec![],
        source_index: None,
        source_id: None,
        others: None,
        from_recording: Vec::new(),
    }
}

const MODES: [(Mode, &str); 4] = [
    (Mode::Full, "full"),
    (Mode::Target, "target"),
    (Mode::Geo, "geo"),
    (Mode::Checklist, "checklist"),
];

fn keep_all() -> Filters {
    Filters {
        remove_unannotated: false,
        ..Filters::default()
    }
}

fn sources(supervision: &Supervision) -> Vec<i64> {
    supervision
        .clips
        .iter()
        .map(|clip| clip.source_index.unwrap())
        .collect()
}

#[test]
fn labels_masks_and_kept_rows_equal_the_published_programs() {
    let folder = fixtures();
    let (official, expected) = (
        Official::read(&folder.join("ml48s")),
        json(&folder.join("expected.json")),
    );
    let bytes = fs::read(folder.join("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let catalogue = official.catalogue();
    let mut combinations = 0;
    for split in Split::ALL {
        let name = split.as_str();
        let source = i64s(&tensors, &format!("{name}.clip_index"));
        let (labels, rows) = u8s(&tensors, &format!("{name}.labels"));
        for (mode, mode_name) in MODES {
            let all = catalogue.select(split, mode, Rows::Own, &keep_all()).unwrap();
            assert_eq!((sources(&all), all.rows()), (source.clone(), rows));
            let (mask, _) = u8s(&tensors, &format!("{name}.mask.{mode_name}"));
            let [our_labels, our_mask] = all.labels.matrices();
            assert_eq!(our_mask, mask, "{name} {mode_name}");
            let zeroed: Vec<u8> = labels.iter().zip(&mask).map(|(label, mask)| label * mask).collect();
            assert_eq!(our_labels, zeroed, "{name} {mode_name}");
            for (remove_unannotated, remove_empty) in [(false, false), (false, true), (true, false), (true, true)] {
                let filters = Filters {
                    remove_unannotated,
                    remove_empty,
                    keep_silent: false,
                };
                let kept = &expected["splits"][name]["kept"];
                let kept = &kept[format!("{mode_name}/unannotated={remove_unannotated}/empty={remove_empty}")];
                let kept: Vec<i64> = kept
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| source[row.as_u64().unwrap() as usize])
                    .collect();
                let ours = catalogue.select(split, mode, Rows::Own, &filters).unwrap();
                assert_eq!(sources(&ours), kept, "{name} {mode_name} {filters:?}");
                combinations += 1;
            }
        }
        let whole = catalogue.evaluation(split).unwrap();
        assert_eq!(whole.labels.matrices()[0], labels, "no positive is unknown");
        let evaluated = &expected["splits"][name]["evaluated"];
        let evaluated = evaluated
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_u64().unwrap() as usize);
        let full = whole.clips.iter().zip(0..).filter(|(clip, _)| clip.fully_annotated);
        assert!(full.map(|(_, row)| row).eq(evaluated), "{name}");
    }
    assert_eq!(combinations, 48);
}

#[test]
fn implied_labels_are_supervised_like_listed_ones() {
    let official = || Official::read(&fixtures().join("ml48s"));
    let (listed, implied) = (official().catalogue(), official().implied());
    let others: HashSet<_> = implied.labels.iter().map(|row| row.others.unwrap().as_str()).collect();
    assert!(others.len() > 1, "{others:?} alone shows little");
    let implied = implied.catalogue();
    for split in Split::ALL {
        for (mode, name) in MODES {
            let select = |catalogue: &Catalogue| catalogue.select(split, mode, Rows::Own, &keep_all()).unwrap();
            let [implied, listed] = [&implied, &listed].map(select);
            assert_eq!(implied.clips, listed.clips, "{split} {name}");
            assert_eq!(implied.labels.matrices(), listed.labels.matrices(), "{split} {name}");
            assert_eq!(implied.report, listed.report, "{split} {name}");
        }
    }
}

#[test]
fn common_rows_are_those_of_target_mode_in_every_mode() {
    let catalogue = Official::read(&fixtures().join("ml48s")).catalogue();
    let train = |mode, rows| {
        catalogue
            .training(mode, rows, FullUnknown::AssumeNegative, &Filters::default())
            .unwrap()
    };
    let target = sources(&train(Mode::Target, Rows::Own));
    for (mode, _) in MODES {
        assert_eq!(sources(&train(mode, Rows::Common)), target, "{mode}");
    }
    assert_ne!(sources(&train(Mode::Geo, Rows::Own)), target);
    assert!(
        train(Mode::Geo, Rows::Common).labels.matrices() != train(Mode::Target, Rows::Own).labels.matrices(),
        "masks stay the mode's own"
    );
}

/// Five classes, target 0. Recording 1 has both priors, 2 none, 3 an incomplete checklist.
fn mixed() -> Official {
    let row = |asset_id, clip_index, present: &[u32], absent: &[u32]| LabelRow {
        asset_id,
        clip_index,
        target: Some(0),
        present: present.to_vec(),
        absent: absent.to_vec(),
        ..empty_row()
    };
    let labels = vec![
        row(1, 0, &[0, 4], &[1, 2]),
        row(1, 1, &[], &[3]),
        row(2, 0, &[0], &[]),
        row(2, 1, &[], &[0]),
        LabelRow {
            silent: true,
            ..row(3, 0, &[], &[0, 1, 2, 3, 4])
        },
        row(3, 1, &[0], &[]),
    ];
    let prior = |asset_id, complete| PriorRow {
        asset_id,
        geo_possible: Some(vec![1, 2]),
        geo_modelled: Some(vec![0, 1, 2, 4]),
        checklist_observed: Some(vec![0, 1]),
        checklist_complete: complete,
        ..PriorRow::default()
    };
    Official {
        classes: 5,
        labels,
        priors: vec![
            prior(1, Some(true)),
            PriorRow {
                asset_id: 2,
                ..PriorRow::default()
            },
            prior(3, None),
        ],
    }
}

#[test]
fn a_missing_prior_falls_back_and_is_counted() {
    let catalogue = mixed().catalogue();
    let train = |mode| {
        catalogue
            .training(mode, Rows::Own, FullUnknown::AssumeNegative, &Filters::default())
            .unwrap()
    };
    let geo = train(Mode::Geo);
    let [labels, mask] = geo.labels.matrices();
    // Class 0 is the target, so no prior negative; 3 is not modelled; 4 is ruled out, and present in the first clip.
    assert_eq!(
        mask,
        [
            1, 0, 0, 0, 1, /**/ 0, 0, 0, 0, 1, /**/ 1, 0, 0, 0, 0, /**/ 1, 0, 0, 0, 1
        ]
    );
    assert_eq!(
        labels,
        [
            1, 0, 0, 0, 1, /**/ 0, 0, 0, 0, 0, /**/ 1, 0, 0, 0, 0, /**/ 1, 0, 0, 0, 0
        ]
    );
    let report = &geo.report;
    assert_eq!(
        (report.silent, report.unannotated, report.prior_conflicts),
        (1, 1, 3),
        "0 and 4 of the first clip, 0 of the last"
    );
}

#[test]
fn a_checklist_rules_out_only_when_complete() {
    let catalogue = mixed().catalogue();
    let filters = Filters {
        keep_silent: true,
        ..Filters::default()
    };
    let list = catalogue
        .training(Mode::Checklist, Rows::Own, FullUnknown::AssumeNegative, &filters)
        .unwrap();
    let [_, mask] = list.labels.matrices();
    assert_eq!(mask[..10], [1, 0, 1, 1, 1, 0, 0, 1, 1, 1]);
    assert_eq!(mask[10..], [1, 0, 0, 0, 0, /**/ 0, 0, 0, 0, 1, /**/ 1, 0, 0, 0, 1]);
    let report = &list.report;
    assert_eq!((report.without_geo.clips, report.without_checklist.clips), (1, 1));
    assert_eq!(
        (report.incomplete_checklist.clips, report.incomplete_checklist.assets),
        (2, 1)
    );
    assert_eq!((report.kept.clips, report.kept.assets), (5, 3));
    assert_eq!((report.known_positives, report.known_negatives), (4, 7));
    assert!(
        report
            .notes()
            .iter()
            .any(|note| note.contains("1 clips of 1 recordings have no checklist"))
    );
}

#[test]
fn what_cannot_be_used_is_an_error_that_says_what_to_do() {
    let with = |change: fn(&mut Official)| {
        let mut set = mixed();
        change(&mut set);
        Catalogue::from_rows(Path::new("the set"), set.classes, &set.labels, &set.priors)
    };
    let train = |catalogue: &Catalogue, mode| {
        catalogue
            .training(mode, Rows::Own, FullUnknown::AssumeNegative, &Filters::default())
            .map_err(|error| error.to_string())
    };
    let none = with(|set| set.priors.clear()).unwrap();
    assert!(
        train(&none, Mode::Geo)
            .unwrap_err()
            .contains("needs a geographic prior")
    );
    assert!(train(&none, Mode::Checklist).unwrap_err().contains("needs a checklist"));
    assert!(train(&none, Mode::Target).is_ok());
    let error = none.evaluation(Split::Test).unwrap_err().to_string();
    assert!(
        error.contains("the set: split test is empty") && error.contains("6 train"),
        "{error}"
    );
    let nothing = with(|set| set.labels.iter_mut().for_each(|row| row.target = None)).unwrap();
    assert!(
        train(&nothing, Mode::Target)
            .unwrap_err()
            .contains("no clip of split train is left")
    );
    let error = nothing
        .training(Mode::Geo, Rows::Own, FullUnknown::Masked, &Filters::default())
        .unwrap_err();
    assert!(matches!(error, Error::Setting { setting, .. } if setting == "full_unknown"));
    let error = with(|set| set.labels[2].present.push(5)).unwrap_err().to_string();
    assert!(error.contains("row 2") && error.contains("class index 5"), "{error}");
    let error = with(|set| set.priors[2].geo_possible = Some(vec![9]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("row 2") && error.contains("class index 9"), "{error}");
    let error = with(|set| set.priors[2].asset_id = 1).unwrap_err().to_string();
    assert!(error.contains("recording 1 has two rows of priors"), "{error}");
}

/// A committed dataset, with a change to the labels of its first shard.
fn golden(change: impl Fn(&mut Vec<LabelRow>)) -> (tempfile::TempDir, Dataset) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shardfmt/tests/golden");
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mut info = shardfmt::read_dataset_json(&golden.join("dataset.json")).unwrap();
    for entry in &info.files {
        fs::create_dir_all(dir.join(&entry.path).parent().unwrap()).unwrap();
        fs::copy(golden.join(&entry.path), dir.join(&entry.path)).unwrap();
    }
    let taxa = shardfmt::read_taxa(&dir.join("taxa.parquet")).unwrap();
    let path = dir.join("labels/00000.parquet");
    let mut rows = shardfmt::read_labels(&path, &taxa, shardfmt::LabelForm::Listed).unwrap();
    change(&mut rows);
    let written = shardfmt::write_labels(&path, &taxa, shardfmt::LabelForm::Listed, &rows).unwrap();
    let entry = info.files.iter_mut().find(|entry| entry.path == written.path).unwrap();
    *entry = written;
    shardfmt::write_dataset_json(dir, &info).unwrap();
    let dataset = Dataset::open(dir).unwrap();
    (folder, dataset)
}

#[test]
fn a_dataset_is_read_in_its_order() {
    let (_folder, dataset) = golden(|_| {});
    let catalogue = Catalogue::read(&dataset).unwrap();
    let places: Vec<(u32, u32)> = catalogue.clips().iter().map(|clip| (clip.shard, clip.row)).collect();
    assert!(places.is_sorted());
    assert_eq!(
        (places.len() as u64, catalogue.classes()),
        (dataset.info().counts.clips, dataset.taxa().len())
    );
    let rows: Vec<LabelRow> = (0..dataset.shard_count())
        .flat_map(|shard| {
            dataset
                .labels(&dataset.open_shard(shard, shardfmt::Checks::Off).unwrap())
                .unwrap()
        })
        .collect();
    for split in Split::ALL {
        let Ok(seen) = catalogue.evaluation(split) else {
            continue;
        };
        let mut of_split = rows.iter().filter(|row| row.split == split);
        for (clip, number) in seen.clips.iter().zip(0..) {
            let row = of_split.next().unwrap();
            assert_eq!(
                (clip.asset_id, clip.clip_index, clip.silent),
                (row.asset_id, row.clip_index, row.silent)
            );
            let mut listed = row.present.clone();
            listed.sort_unstable();
            assert_eq!(seen.labels.positives(number), listed);
        }
        assert_eq!(of_split.next(), None);
    }
}

#[test]
fn a_damaged_table_or_misplaced_row_is_named() {
    let (folder, dataset) = golden(|_| {});
    let path = folder.path().join("labels/00000.parquet");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = Catalogue::read(&dataset).unwrap_err();
    assert!(
        matches!(error, Error::Dataset(shardfmt::Error::FileChecksum { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("labels/00000.parquet"), "{error}");
    for change in [
        (|rows| rows[1].row = 0) as fn(&mut Vec<LabelRow>),
        |rows| rows[1].asset_id = -5,
        |rows| rows[1].shard = 7,
    ] {
        let (_folder, dataset) = golden(change);
        let error = Catalogue::read(&dataset).unwrap_err().to_string();
        assert!(
            error.contains("labels/00000.parquet") && error.contains("row 1"),
            "{error}"
        );
    }
}
