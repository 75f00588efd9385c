//! Provides `Recordings`, a temporary folder with tiny recordings and tables, from which manifests are built.

use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};
use pipeline::event::Outcome;
use pipeline::ingest::{BuildOptions, Built, Existing, build};
use pipeline::manifest::Manifest;
use pipeline::recording_source::RecordingSource;
use shardfmt::OutputFolder;
use tempfile::TempDir;

/// Clips a shard aims at in the datasets here.
pub(crate) const SHARD_CLIPS: u32 = 12;

/// Asset id, rate in Hz and samples. At 8 kHz some end between two samples: at 0.33, 0.5 and 0.68 of the way.
pub(crate) const RECORDINGS: [(i64, u32, u32); 6] = [
    (11, 8_000, 20_345),
    (-2, 11_025, 16_003),
    (30, 16_000, 7_001),
    (4, 8_000, 700),
    (25, 22_050, 50_003),
    (6, 8_000, 16_000),
];

/// What is no recording at all, and is rejected.
pub(crate) const REJECTED: i64 = 99;

/// Images of 16 x 21 and clips that overlap.
pub(crate) const SETTINGS: &str = "[audio]\nsample_rate_hz = 8000\n\n\
    [clips]\nduration_s = 0.5\nhop_s = 0.3\n\n\
    [spectrogram]\nn_fft = 256\nwin_length = 256\nhop_length = 200\nn_mels = 16\nfmin_hz = 100\nfmax_hz = 3900\nframes = \"all\"\n";

/// Label rules of the manifests here.
pub(crate) const RULES: &str = "[labels]\nunknown_bird_codes = [\"unkbrd\"]\nprior_conflict = \"positive-wins\"\n";

/// Tables, by name.
pub(crate) const OLD: [(&str, &str); 5] = [
    (
        "taxa",
        "species_code,common_name\nwoothr,Wood Thrush\neastow,\nnorcar,Cardinal\n",
    ),
    (
        "boxes",
        "asset_id,start_s,end_s,low_hz,high_hz,species_code,status\n\
        11,0.25,0.9,500,2000,woothr,\n25,1.0,1.4,,,eastow,active\n6,0.1,1.9,300,5000,unkbrd,\n",
    ),
    (
        "geo",
        "asset_id,possible_species,modelled_species\n11,woothr;eastow,\n25,woothr,woothr;eastow\n",
    ),
    (
        "checklists",
        "checklist_id,observed_species,all_species_reported\nS1,woothr,1\n",
    ),
    ("spans", "asset_id,start_s,end_s,scope\n30,0,1,all\n"),
];

/// Other tables of the same recordings: new boxes, spans and priors, classes in another order and one more.
pub(crate) const NEW: [(&str, &str); 5] = [
    (
        "taxa",
        "species_code,common_name,scientific_name\nbkcchi,,\nnorcar,Northern Cardinal,Cardinalis cardinalis\neastow,,\nwoothr,,\n",
    ),
    (
        "boxes",
        "asset_id,start_s,end_s,low_hz,high_hz,species_code,status\n\
        11,0.3,0.31,500,2000,norcar,\n11,1.45,1.9,100,200,bkcchi,\n-2,1.2,1.6,3000,,woothr,passive\n\
        25,0.2,2.26,,,woothr,\n25,2.2,2.4,3950,3990,eastow,\n4,0.0,5.0,,,norcar,ignore\n30,9.0,9.5,,,norcar,\n",
    ),
    (
        "geo",
        "asset_id,possible_species,modelled_species\n-2,,\n6,bkcchi;norcar,bkcchi;norcar;woothr\n25,eastow,\n",
    ),
    (
        "checklists",
        "checklist_id,observed_species,all_species_reported\nS1,eastow;norcar,0\nS2,,1\n",
    ),
    (
        "spans",
        "asset_id,start_s,end_s,scope\n6,0,2,all\n11,0,2.543125,target\n30,0,0.4375,all\n",
    ),
];

/// Columns behind id and path: split, target, place, time, checklist, licence.
pub(crate) type Details = fn(i64) -> String;

/// Of the old manifests.
pub(crate) fn old_details(id: i64) -> String {
    match id {
        11 => "train,woothr,40.5,-79.25,2018-06-02T06:30:00-04:00,S1,CC0-1.0,".into(),
        25 => "test,,,,,,,".into(),
        _ => "train,eastow,,,,,,".into(),
    }
}

/// Of the new manifests.
pub(crate) fn new_details(id: i64) -> String {
    match id {
        11 => "val,,,,,,,https://example.org/11".into(),
        -2 => "test,woothr,1.5,2.25,2020-04-19T10:25:00.5Z,S2,MIT,".into(),
        _ => "train,bkcchi,,,,S1,,".into(),
    }
}

/// A folder with recordings.
pub(crate) struct Recordings {
    folder: TempDir,
}

impl Recordings {
    /// All of [`RECORDINGS`], and what is none.
    pub(crate) fn new() -> Self {
        let recordings = Recordings {
            folder: TempDir::new().unwrap(),
        };
        for (id, rate_hz, samples) in RECORDINGS {
            let spec = WavSpec {
                channels: 1,
                sample_rate: rate_hz,
                bits_per_sample: 16,
                sample_format: SampleFormat::Int,
            };
            let mut writer = WavWriter::create(recordings.wav(id), spec).unwrap();
            let mut state = id.unsigned_abs();
            for number in 0..samples {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                // The last second of asset 25 is digital silence.
                let silent = id == 25 && number > samples - rate_hz;
                writer
                    .write_sample(if silent { 0 } else { (state >> 49) as i16 - 16_384 })
                    .unwrap();
            }
            writer.finalize().unwrap();
        }
        std::fs::write(recordings.wav(REJECTED), "not a recording").unwrap();
        recordings
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// File of a recording.
    pub(crate) fn wav(&self, id: i64) -> PathBuf {
        self.path(&format!("{id}.wav"))
    }

    /// Writes tables and a manifest of these recordings; all their files begin with `name`, the dataset's is `birds`.
    pub(crate) fn manifest(
        &self,
        name: &str,
        ids: &[i64],
        details: Details,
        tables: &[(&str, &str)],
        settings: &str,
    ) -> PathBuf {
        let mut recordings = String::from(
            "asset_id,path,split,target_species,latitude,longitude,recorded_at,checklist_id,license,source_url\n",
        );
        for id in ids {
            recordings += &format!("{id},{id}.wav,{}\n", details(*id));
        }
        std::fs::write(self.path(&format!("{name}-recordings.csv")), recordings).unwrap();
        for (table, text) in tables {
            // Only rows of the recordings at hand.
            let listed = |line: &&str| match line.split(',').next().unwrap().parse::<i64>() {
                Ok(id) => ids.contains(&id),
                Err(_) => true,
            };
            let lines: Vec<&str> = text.lines().filter(listed).collect();
            std::fs::write(self.path(&format!("{name}-{table}.csv")), lines.join("\n") + "\n").unwrap();
        }
        let text = format!(
            "[dataset]\nname = \"birds\"\n\n[tables]\nrecordings = \"{name}-recordings.csv\"\ntaxa = \"{name}-taxa.csv\"\n\
             boxes = \"{name}-boxes.csv\"\ngeo_prior = \"{name}-geo.csv\"\nchecklist_prior = \"{name}-checklists.csv\"\n\
             annotated_spans = \"{name}-spans.csv\"\n\n{settings}\n{RULES}\n[shards]\nclips = {SHARD_CLIPS}\n"
        );
        let path = self.path(&format!("{name}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The manifest of all recordings with the old tables.
    pub(crate) fn old(&self) -> PathBuf {
        self.manifest("old", &all(), old_details, &OLD, SETTINGS)
    }

    /// The manifest of all recordings with the new tables.
    pub(crate) fn new_labels(&self) -> PathBuf {
        self.manifest("new", &all(), new_details, &NEW, SETTINGS)
    }
}

/// Ids of all recordings, the rejected one in the middle.
pub(crate) fn all() -> Vec<i64> {
    let mut ids: Vec<i64> = RECORDINGS.iter().map(|(id, ..)| *id).collect();
    ids.insert(2, REJECTED);
    ids
}

/// A manifest, ready to be built.
pub(crate) fn source(manifest: &Path) -> RecordingSource {
    let manifest = Manifest::load(manifest).unwrap_or_else(|problems| panic!("{problems}"));
    RecordingSource::new(manifest)
}

/// Builds a manifest's dataset.
pub(crate) fn built(manifest: &Path, out: &Path) -> Outcome {
    let source = source(manifest);
    let options = BuildOptions {
        threads: 2,
        shard_clips: source.manifest().settings.shard_clips,
        existing: Existing::Refuse,
        max_rejects: None,
        wait: std::time::Duration::ZERO,
    };
    let folder = OutputFolder::at(out).unwrap();
    match build(&source, &folder, &options, &|_| {}).unwrap() {
        Built::Committed(outcome) => outcome,
        Built::Verified(_) | Built::Found { .. } => panic!("nothing was built"),
    }
}
