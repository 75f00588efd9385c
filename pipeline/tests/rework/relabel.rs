//! Relabelled datasets against fresh builds, and what relabelling refuses.

use std::path::Path;

use pipeline::manifest::{Audio, Manifest};
use pipeline::recording_source::RecordingSource;
use pipeline::rework::{Linked, durations_s, relabel};
use pipeline::tally::Reason;
use pipeline::{Error, event::Event};
use shardfmt::entry::shard_path;
use shardfmt::{Dataset, OutputFolder, read_dataset_json, write_dataset_json};

use super::dataset_files::{assert_alone, assert_same, assert_sound, files, tables};
use super::recordings::{NEW, OLD, REJECTED, Recordings, SETTINGS, all, built, new_details, old_details, source};

fn is_shard(name: &str) -> bool {
    name.starts_with("shards/")
}

#[test]
fn tables_are_those_of_a_fresh_build_and_back_again_every_byte_is_the_old_one() {
    let place = Recordings::new();
    let (dir, fresh, copy) = (place.path("relabelled"), place.path("fresh"), place.path("copy"));
    built(&place.old(), &dir);
    built(&place.old(), &copy);
    let built = built(&place.new_labels(), &fresh);
    let relabelled = relabel(&source(&place.new_labels()), &dir, Linked::Verify, &|_| {}).unwrap();
    assert_eq!(relabelled, built);
    assert!(
        relabelled.silent_clips > 0 && relabelled.tallies.count(Reason::BoxPastEnd) == 1,
        "{relabelled:?}"
    );
    assert_same(&dir, &fresh, |name| is_shard(name) || name == "dataset.json");
    assert_same(&dir, &copy, |name| !is_shard(name));
    let (now, wanted) = (Dataset::open(&dir).unwrap(), Dataset::open(&fresh).unwrap());
    assert!(now.shard_count() > 2 && now.rejects().unwrap()[0].asset_id == REJECTED);
    for name in tables(now.shard_count()) {
        assert_ne!(
            files(&copy)[&name],
            files(&dir)[&name],
            "{name} has not changed, so the test shows nothing"
        );
    }
    // Only the shards' own metadata, and with it their bytes, tells the two apart.
    let (mut said, mut fresh_said) = (now.info().clone(), wanted.info().clone());
    for info in [&mut said, &mut fresh_said] {
        info.files.retain(|file| !is_shard(&file.path));
    }
    assert_eq!(said, fresh_said);
    assert_sound(&dir);
    relabel(&source(&place.old()), &dir, Linked::Verify, &|_| {}).unwrap();
    assert_same(&dir, &copy, |_| false);
    assert_sound(&dir);
}

#[test]
fn a_resumed_build_of_the_new_manifest_finds_the_relabelled_dataset_its_own() {
    use pipeline::ingest::{BuildOptions, Built, Existing, build};
    let place = Recordings::new();
    let dir = place.path("data");
    built(&place.old(), &dir);
    let folder = OutputFolder::at(&dir).unwrap();
    let new = source(&place.new_labels());
    let options = BuildOptions {
        threads: 1,
        shard_clips: 12,
        existing: Existing::Resume,
        max_rejects: None,
        wait: std::time::Duration::ZERO,
    };
    assert!(matches!(
        build(&new, &folder, &options, &|_| {}),
        Err(Error::PlanChanged { .. })
    ));
    relabel(&new, &dir, Linked::Verify, &|_| {}).unwrap();
    match build(&new, &folder, &options, &|_| {}).unwrap() {
        Built::Verified(report) => assert_eq!(report.findings, []),
        Built::Committed(_) | Built::Found { .. } => panic!("was built again"),
    }
}

#[test]
fn what_is_said_of_images_and_shards_stays() {
    let place = Recordings::new();
    let dir = place.path("data");
    built(&place.old(), &dir);
    // Built on another machine, with an aim for shards that the manifest no longer has.
    let mut before = read_dataset_json(&dir.join("dataset.json")).unwrap();
    before.head.instruction_set = "abacus".into();
    write_dataset_json(&dir, &before).unwrap();
    let manifest = place.new_labels();
    let text = std::fs::read_to_string(&manifest)
        .unwrap()
        .replace("clips = 12", "clips = 500");
    std::fs::write(&manifest, text).unwrap();
    relabel(&source(&manifest), &dir, Linked::Verify, &|_| {}).unwrap();
    let after = read_dataset_json(&dir.join("dataset.json")).unwrap();
    assert_eq!(
        (after.counts, after.head.instruction_set.as_str()),
        (before.counts, "abacus")
    );
    assert_eq!(after.head.config["shards"], before.head.config["shards"]);
    assert_ne!(after.head.config_xxh3, before.head.config_xxh3);
    assert_sound(&dir);
}

#[test]
fn sources_that_are_gone_are_taken_at_the_datasets_word() {
    let place = Recordings::new();
    let (dir, fresh) = (place.path("data"), place.path("fresh"));
    built(&place.old(), &dir);
    // A box behind the end of asset 30 contradicts its prior, which is no mistake: asset 30 is known to end before.
    let manifest = place.new_labels();
    let strict = |text: &str| text.replace("prior_conflict = \"positive-wins\"\n", "");
    std::fs::write(&manifest, strict(&std::fs::read_to_string(&manifest).unwrap())).unwrap();
    let geo = "asset_id,possible_species,modelled_species\n30,eastow,\n";
    std::fs::write(place.path("new-geo.csv"), geo).unwrap();
    let lists = "checklist_id,observed_species,all_species_reported\nS2,woothr,1\n";
    std::fs::write(place.path("new-checklists.csv"), lists).unwrap();
    built(&manifest, &fresh);
    let there = 25;
    for id in all().into_iter().filter(|&id| id != there) {
        std::fs::remove_file(place.wav(id)).unwrap();
    }
    let durations = durations_s(&dir).unwrap();
    let read = || Manifest::load_with(&manifest, Audio::MayBeGone(&durations)).unwrap();
    let gone = all().len() as u64 - 1;
    assert_eq!(read().notes.tallies.count(Reason::RecordingGone), gone);
    assert!(
        read()
            .notes
            .warnings()
            .iter()
            .any(|text| text.starts_with(&format!("{gone} recordings are no longer")))
    );
    Manifest::load(&manifest).unwrap_err();
    relabel(&RecordingSource::new(read()), &dir, Linked::Verify, &|_| {}).unwrap();
    assert_same(&dir, &fresh, |name| is_shard(name) || name == "dataset.json");
    // What is still there is looked at.
    std::fs::write(place.wav(there), "another").unwrap();
    let error = relabel(&RecordingSource::new(read()), &dir, Linked::Verify, &|_| {}).unwrap_err();
    assert!(error.to_string().contains("the source of asset 25 was "), "{error}");
    std::fs::remove_file(place.wav(there)).unwrap();
    std::fs::create_dir(place.wav(there)).unwrap();
    let problems = Manifest::load_with(&manifest, Audio::MayBeGone(&durations)).unwrap_err();
    assert!(problems.to_string().contains("is not a file"), "{problems}");
}

#[test]
fn one_recording_in_two_splits_is_a_warning() {
    let place = Recordings::new();
    std::fs::copy(place.wav(11), place.wav(6)).unwrap();
    let dir = place.path("data");
    built(&place.old(), &dir);
    let warnings = std::sync::Mutex::new(Vec::new());
    let keep = |event: Event<'_>| {
        if let Event::Warning(text) = event {
            warnings.lock().unwrap().push(text.to_owned());
        }
    };
    relabel(&source(&place.new_labels()), &dir, Linked::Verify, &keep).unwrap();
    let warnings = warnings.into_inner().unwrap();
    assert_eq!(
        warnings,
        ["leakage: 1 recording is in two splits, byte for byte: assets 11 (val) and 6 (train)"]
    );
}

/// Relabels, expecting a refusal that leaves everything as it was.
fn refusal(manifest: &Path, dir: &Path) -> String {
    let before = files(dir);
    let error = relabel(&source(manifest), dir, Linked::Verify, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::AudioChanged { .. }), "{error}");
    assert!(before == files(dir), "the dataset was changed");
    assert_alone(dir);
    error.to_string()
}

#[test]
fn settings_that_change_clips_or_images_are_refused_by_name() {
    let place = Recordings::new();
    let dir = place.path("data");
    built(&place.old(), &dir);
    let cases = [
        (
            "sample_rate_hz = 8000",
            "sample_rate_hz = 7900",
            "audio.sample_rate_hz was 8000 and is 7900",
        ),
        ("hop_s = 0.3", "hop_s = 0.25", "clips.hop_s was "),
        ("duration_s = 0.5", "duration_s = 0.6", "clips.duration_s was "),
        (
            "hop_length = 200",
            "hop_length = 100",
            "spectrogram.hop_length was 200 and is 100",
        ),
        (
            "fmin_hz = 100",
            "fmin_hz = 150",
            "spectrogram.fmin_hz was 100.0 and is 150.0",
        ),
        (
            "n_mels = 16",
            "n_mels = 16\ndtype = \"f16\"",
            "spectrogram.dtype was \"u8\" and is \"f16\"",
        ),
        ("[clips]", "channel = 0\n[clips]", "audio.channel was \"mean\" and is 0"),
    ];
    for (was, is, named) in cases {
        let settings = SETTINGS.replace(was, is);
        assert_ne!(settings, SETTINGS, "{was}");
        let message = refusal(&place.manifest("new", &all(), new_details, &NEW, &settings), &dir);
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn other_recordings_and_other_bytes_are_refused_by_name() {
    let place = Recordings::new();
    let dir = place.path("data");
    let known: Vec<i64> = all().into_iter().filter(|id| *id != 30).collect();
    built(&place.manifest("old", &known, old_details, &OLD, SETTINGS), &dir);
    let message = refusal(&place.new_labels(), &dir);
    assert!(message.contains("asset 30 (30.wav) is new"), "{message}");

    for gone in [4, REJECTED] {
        let fewer: Vec<i64> = known.iter().copied().filter(|id| *id != gone).collect();
        let message = refusal(&place.manifest("new", &fewer, new_details, &NEW, SETTINGS), &dir);
        assert!(
            message.contains(&format!("asset {gone} ({gone}.wav) is no longer there")),
            "{message}"
        );
    }

    let moved = place.manifest("moved", &known, new_details, &NEW, SETTINGS);
    let table = place.path("moved-recordings.csv");
    std::fs::copy(place.wav(6), place.path("six.wav")).unwrap();
    let text = std::fs::read_to_string(&table).unwrap().replace("6.wav", "six.wav");
    std::fs::write(&table, text).unwrap();
    let message = refusal(&moved, &dir);
    assert!(
        message.contains("the path of asset 6 was \"6.wav\" and is \"six.wav\""),
        "{message}"
    );

    let same = place.manifest("new", &known, new_details, &NEW, SETTINGS);
    let mut bytes = std::fs::read(place.wav(25)).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(place.wav(25), &bytes).unwrap();
    let message = refusal(&same, &dir);
    assert!(message.contains("the xxh3 of the source of asset 25 was "), "{message}");
    bytes.pop();
    std::fs::write(place.wav(25), &bytes).unwrap();
    let message = refusal(&same, &dir);
    let named = format!("the source of asset 25 was {} bytes and is {last}", last + 1);
    assert!(message.contains(&named), "{message}");
}

#[test]
fn damaged_tables_and_shard_tails_stop_it() {
    let place = Recordings::new();
    let dir = place.path("data");
    built(&place.old(), &dir);
    let new = source(&place.new_labels());
    for (name, from_end) in [("labels/00001.parquet", 500), (shard_path(1).as_str(), 3)] {
        let path = dir.join(name);
        let sound = std::fs::read(&path).unwrap();
        let mut bytes = sound.clone();
        let at = bytes.len() - from_end;
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = relabel(&new, &dir, Linked::Verify, &|_| {}).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        assert_alone(&dir);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        std::fs::write(&path, sound).unwrap();
    }
    relabel(&new, &dir, Linked::Verify, &|_| {}).unwrap();
    assert_sound(&dir);
}
