//! Provides `RecordingSource`, the clips of a manifest's recordings: decode, resample, cut, log-mel, labels.

use std::path::PathBuf;

use shardfmt::{AssetRow, DatasetHead, GeoPrior, HEARD, Label, LabelForm, LabelRow, PriorRow, Taxa, Xxh3};

use crate::dataset_source::{AssetRecord, DatasetSource, Placement};
use crate::labels::{ClipSpan, ImageAxes, Labeller, add_weak};
use crate::manifest::{Manifest, Recording, WeakLabels, nanoseconds};
use crate::provenance::{PROGRAM, manifest_config};
use crate::tally::{Reason, Tallies};
use frontend::Frontend;
use frontend::recordings::{RecordingFacts, RecordingReader, Waveform};
use frontend::source::{ClipSource, Rejected, Rendered};
use frontend::spectrogram::Scratch;

/// Recordings at addresses that come before their turn, for each that is read.
const AHEAD: usize = 4;

/// The recordings of a manifest as a source of clips.
pub struct RecordingSource {
    manifest: Manifest,
    head: DatasetHead,
}

impl RecordingSource {
    /// The source of a manifest's recordings.
    pub fn new(manifest: Manifest) -> Self {
        RecordingSource {
            head: head(&manifest),
            manifest,
        }
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The recording of an asset; assets are numbered below `len`.
    fn recording(&self, asset: usize) -> &Recording {
        &self.manifest.recordings[asset]
    }

    pub(crate) fn frontend(&self) -> &Frontend {
        &self.manifest.frontend
    }

    /// Whether the rule for weak labels asks for the mean levels of clips.
    pub(crate) fn asks_mean_db(&self) -> bool {
        self.manifest.settings.labels.weak == WeakLabels::Peaks
    }

    /// Where a clip lies in its recording, in seconds: start, end, and length of its real audio.
    fn seconds_of(&self, start_sample: u64, valid_samples: u64, duration_s: f64) -> (f64, f64, f64) {
        let rate_hz = self.frontend().rate_hz();
        let start_s = start_sample as f64 / rate_hz;
        let end_s = (start_sample + self.frontend().windowing().duration_samples()) as f64 / rate_hz;
        // Resampling rounds the length up by less than a sample; the recording's own length is the truth.
        let valid_s = (valid_samples as f64 / rate_hz).min(duration_s - start_s).max(0.0);
        (start_s, end_s, valid_s)
    }
}

impl ImageAxes for RecordingSource {
    fn x_of_s(&self, time_s: f64) -> f64 {
        self.frontend().x_of_s(time_s)
    }

    fn y_of_hz(&self, hz: f64) -> f64 {
        self.frontend().log_mel().axis().y_of_hz(hz)
    }

    fn range_hz(&self) -> (f64, f64) {
        self.frontend().log_mel().axis().range_hz()
    }
}

impl ClipSource for RecordingSource {
    type Clip = Waveform;
    type Reader = RecordingReader;
    type Facts = RecordingFacts;
    type Scratch = Scratch;

    fn len(&self) -> usize {
        self.manifest.recordings.len()
    }

    fn files(&self, asset: usize) -> Vec<PathBuf> {
        vec![self.recording(asset).file.clone()]
    }

    fn clip_input_bytes(&self) -> usize {
        self.frontend().clip_input_bytes()
    }

    fn clip_bytes(&self) -> usize {
        self.frontend().log_mel().bytes()
    }

    fn open(&self, asset: usize) -> Result<RecordingReader, Rejected> {
        // Those that follow come meanwhile, if they are at addresses.
        let next = self.manifest.recordings.iter().skip(asset + 1).take(AHEAD);
        storage::expect_at(next.map(|recording| recording.file.as_path()));
        self.frontend().open(&self.recording(asset).file)
    }

    fn scratch(&self) -> Scratch {
        self.frontend().scratch()
    }

    fn render(&self, clip: &Waveform, scratch: &mut Scratch, stored: &mut [u8]) -> Rendered {
        let mut rendered = self.frontend().render(clip, scratch, stored);
        rendered.mean_db = self
            .asks_mean_db()
            .then(|| self.frontend().mean_db(rendered.ref_db, stored));
        rendered
    }
}

impl DatasetSource for RecordingSource {
    fn name(&self, asset: usize) -> (i64, &str) {
        let recording = self.recording(asset);
        (recording.asset_id, &recording.path)
    }

    fn estimate_clips(&self, asset: usize) -> u64 {
        self.frontend().estimate_clips(&self.recording(asset).file)
    }

    fn taxa(&self) -> &Taxa {
        &self.manifest.taxa
    }

    fn head(&self) -> &DatasetHead {
        &self.head
    }

    fn tallies(&self) -> Tallies {
        self.manifest.notes.tallies.clone()
    }

    fn left_out_with(&self, asset: usize) -> Tallies {
        let recording = self.recording(asset);
        let mut tallies = Tallies::default();
        tallies.add(Reason::BoxOfReject, recording.boxes.len() as u64);
        tallies.add(Reason::SpanOfReject, recording.spans.len() as u64);
        let priors = u64::from(recording.geo.is_some()) + u64::from(recording.checklist.is_some());
        tallies.add(Reason::PriorOfReject, priors);
        tallies.add(Reason::HeardOfReject, recording.heard.iter().flatten().count() as u64);
        tallies
    }

    fn describe(&self, asset: usize, facts: RecordingFacts, place: &Placement, clips: &[Rendered]) -> AssetRecord {
        let recording = self.recording(asset);
        let duration_s = facts.frames as f64 / f64::from(facts.rate_hz);
        let ceiling_hz = self.range_hz().1.min(f64::from(facts.rate_hz) / 2.0);
        let labeller = Labeller::new(
            &self.manifest.settings.labels,
            recording,
            &self.manifest.taxa,
            duration_s,
            ceiling_hz,
        );
        let (form, classes) = (self.head.label_form(), self.manifest.taxa.len() as u32);
        let mut prior = prior_row(recording);
        let geo = GeoPrior::new(&prior, classes);
        let mut labels = Vec::with_capacity(clips.len());
        let (mut spans, mut conflicts) = (Vec::with_capacity(clips.len()), 0);
        for ((clip, row), extent) in clips.iter().zip(place.rows.clone()).zip(&facts.clips) {
            let (start_s, end_s, valid_s) = self.seconds_of(extent.start_sample, extent.valid_samples, duration_s);
            let (start_ns, end_ns) = (nanoseconds(start_s), nanoseconds(end_s));
            let span = ClipSpan {
                start_ns,
                end_ns,
                real_end_ns: nanoseconds(start_s + valid_s).min(end_ns),
            };
            let found = labeller.label(span, self, &mut conflicts);
            spans.push(span);
            let mut label = LabelRow {
                asset_id: recording.asset_id,
                clip_index: extent.clip_index,
                shard: place.shard,
                row,
                start_s,
                end_s,
                valid_s,
                split: recording.split,
                target: recording.target,
                fully_annotated: found.unknown.is_empty(),
                present: found.present,
                absent: found.absent,
                unknown: found.unknown,
                label_source: found.source,
                silent: clip.silent,
                rms_dbfs: clip.rms_dbfs,
                boxes: found.boxes,
                source_index: None,
                source_id: None,
                others: None,
                from_recording: found.from_recording,
            };
            // At once: a long recording has many clips, and each may have thousands of classes.
            form.apply_to(&mut label, &geo, classes);
            labels.push(label);
        }
        form.apply(&mut prior, &mut labels, classes);
        let mut tallies = labeller.tallies(&spans, self);
        tallies.add(Reason::HeardNowhere, heard_nowhere(recording, &labels, &geo));
        let levels_db: Vec<Option<f32>> = clips.iter().map(|clip| clip.mean_db).collect();
        let rules = &self.manifest.settings.labels;
        tallies.add_all(&add_weak(rules.weak, recording, &levels_db, &geo, &mut labels));
        tallies.add(Reason::PriorConflict, conflicts);
        let oddities = facts.oddities.iter();
        oddities.for_each(|kind| tallies.add_detail(Reason::OddFile, kind, 1));
        AssetRecord {
            asset: asset_row(recording, &facts, duration_s, place),
            prior,
            labels,
            tallies,
        }
    }
}

/// What `dataset.json` says of the recordings of a manifest.
fn head(manifest: &Manifest) -> DatasetHead {
    let (frontend, config) = (&manifest.frontend, manifest_config(manifest));
    DatasetHead {
        features_required: LabelForm::of_classes(manifest.taxa.len()).features_required(),
        features_optional: features_optional(manifest),
        name: manifest.settings.name.clone(),
        program: PROGRAM.into(),
        config_xxh3: Xxh3::of(config.to_string().as_bytes()),
        config,
        clips: frontend.clip_spec(),
        axes: frontend.axes(),
        values: frontend.values(),
        instruction_set: frontend.instruction_set().to_string(),
    }
}

/// The feature of what was heard, if a recording says it.
fn features_optional(manifest: &Manifest) -> Vec<String> {
    let is_said = manifest.recordings.iter().any(|recording| recording.heard.is_some());
    is_said.then(|| HEARD.to_owned()).into_iter().collect()
}

/// How many species heard in the recording are absent from each of its clips.
fn heard_nowhere(recording: &Recording, labels: &[LabelRow], geo: &GeoPrior) -> u64 {
    let heard = recording.heard.iter().flatten();
    let is_nowhere = |class: &&u32| labels.iter().all(|row| row.label(**class, geo) == Label::Absent);
    heard.filter(is_nowhere).count() as u64
}

fn asset_row(recording: &Recording, facts: &RecordingFacts, duration_s: f64, place: &Placement) -> AssetRow {
    AssetRow {
        asset_id: recording.asset_id,
        path: recording.path.clone(),
        source_bytes: place.source_bytes,
        source_xxh3: place.source_xxh3,
        codec: facts.codec.clone(),
        native_rate_hz: facts.rate_hz,
        channels: facts.channels,
        duration_s,
        shard: place.shard,
        first_row: place.rows.start,
        clips: place.rows.end - place.rows.start,
        split: recording.split,
        target: recording.target,
        license: recording.license.clone(),
        source_url: recording.source_url.clone(),
        heard: recording.heard.clone(),
    }
}

fn prior_row(recording: &Recording) -> PriorRow {
    PriorRow {
        asset_id: recording.asset_id,
        latitude: recording.latitude,
        longitude: recording.longitude,
        recorded_at_unix_us: recording.recorded_at.map(|at| at.unix_us),
        utc_offset_min: recording.recorded_at.map(|at| at.utc_offset_min),
        checklist_id: recording.checklist_id.clone(),
        geo_possible: recording.geo.as_ref().map(|geo| geo.possible.clone()),
        geo_modelled: recording.geo.as_ref().map(|geo| geo.modelled.to_vec()),
        checklist_observed: recording.checklist.as_ref().map(|list| list.not_ruled_out()),
        checklist_complete: recording.checklist.as_ref().map(|list| list.complete),
    }
}
