//! Provides `RecordingSource`, the clips of a manifest's recordings: decode, resample, cut, log-mel, labels.

use std::path::PathBuf;

use serde_json::Value;
use shardfmt::checksum::xxh3;
use shardfmt::{AssetRow, Axes, ClipSpec, Counts, DatasetInfo, LabelRow, PriorRow, Taxa, ValueScale};

use crate::dataset_source::{AssetRecord, DatasetSource, Placement};
use crate::error::{Error, Result};
use crate::labels::{ClipSpan, ImageAxes, Labeller};
use crate::manifest::{Manifest, Recording, nanoseconds};
use crate::provenance::{PROGRAM, manifest_config};
use frontend::audio::{self, resampled_frames};
use frontend::recordings::{RecordingFacts, RecordingReader, Waveform};
use frontend::source::{ClipSource, Rejected, Rendered};
use frontend::spectrogram::{LogMel, Scratch, rms_dbfs};
use frontend::window::Windowing;

/// The recordings of a manifest as a source of clips.
pub struct RecordingSource {
    manifest: Manifest,
    windowing: Windowing,
    log_mel: LogMel,
    config: Value,
}

impl RecordingSource {
    /// Prepares window, filters and transforms.
    ///
    /// # Errors
    /// [`Error::Settings`] when the parameters of clips and spectrogram contradict each other.
    pub fn new(manifest: Manifest) -> Result<Self> {
        let settings = &manifest.settings;
        let wrong = |message: String| Error::Settings {
            file: manifest.file.clone(),
            message,
        };
        let (clips, rate_hz) = (&settings.clips, settings.audio.sample_rate_hz);
        let windowing = Windowing::new(clips.duration_s, clips.hop_s, rate_hz, clips.tail)
            .map_err(|error| wrong(format!("[clips] {error}")))?;
        let samples = usize::try_from(windowing.duration_samples()).unwrap_or(usize::MAX);
        let log_mel = LogMel::new(&settings.spectrogram, rate_hz, samples)
            .map_err(|error| wrong(format!("[spectrogram] {error}")))?;
        let config = manifest_config(&manifest);
        Ok(RecordingSource {
            windowing,
            log_mel,
            config,
            manifest,
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The recording of an asset; assets are numbered below `len`.
    fn recording(&self, asset: usize) -> &Recording {
        &self.manifest.recordings[asset]
    }

    fn rate_hz(&self) -> f64 {
        f64::from(self.manifest.settings.audio.sample_rate_hz)
    }

    fn spec(&self) -> ClipSpec {
        let (height, width) = (self.log_mel.height() as u32, self.log_mel.width() as u32);
        ClipSpec {
            dtype: self.manifest.settings.spectrogram.dtype.into(),
            channels: None,
            height,
            width,
        }
    }

    /// Where a clip lies in its recording, in seconds: start, end, and length of its real audio.
    fn seconds_of(&self, start_sample: u64, valid_samples: u64, duration_s: f64) -> (f64, f64, f64) {
        let start_s = start_sample as f64 / self.rate_hz();
        let end_s = (start_sample + self.windowing.duration_samples()) as f64 / self.rate_hz();
        // Resampling rounds the length up by less than a sample; the recording's own length is the truth.
        let valid_s = (valid_samples as f64 / self.rate_hz())
            .min(duration_s - start_s)
            .max(0.0);
        (start_s, end_s, valid_s)
    }
}

impl ImageAxes for RecordingSource {
    fn x_of_s(&self, time_s: f64) -> f64 {
        // Frame t is centred on sample t * hop, and drawn from t to t + 1.
        let frame = time_s * self.rate_hz() / self.manifest.settings.spectrogram.hop_length as f64;
        ((frame + 0.5) / self.log_mel.width() as f64).clamp(0.0, 1.0)
    }

    fn y_of_hz(&self, hz: f64) -> f64 {
        self.log_mel.axis().y_of_hz(hz)
    }

    fn range_hz(&self) -> (f64, f64) {
        self.log_mel.axis().range_hz()
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
        usize::try_from(self.windowing.duration_samples())
            .unwrap_or(usize::MAX)
            .saturating_mul(size_of::<f32>())
    }

    fn clip_bytes(&self) -> usize {
        self.log_mel.bytes()
    }

    fn open(&self, asset: usize) -> std::result::Result<RecordingReader, Rejected> {
        let audio = &self.manifest.settings.audio;
        RecordingReader::open(
            &self.recording(asset).file,
            audio.channel,
            audio.sample_rate_hz,
            self.windowing,
        )
    }

    fn scratch(&self) -> Scratch {
        self.log_mel.scratch()
    }

    fn render(&self, clip: &Waveform, scratch: &mut Scratch, stored: &mut [u8]) -> Rendered {
        let rendered = self.log_mel.render(&clip.samples, scratch, stored);
        let valid = clip.samples.get(..clip.valid_samples).unwrap_or(&clip.samples);
        Rendered {
            ref_db: rendered.ref_db,
            silent: rendered.silent,
            rms_dbfs: rms_dbfs(valid),
        }
    }
}

impl DatasetSource for RecordingSource {
    fn name(&self, asset: usize) -> (i64, &str) {
        let recording = self.recording(asset);
        (recording.asset_id, &recording.path)
    }

    fn estimate_clips(&self, asset: usize) -> u64 {
        let header = audio::probe(&self.recording(asset).file).ok();
        let rate_hz = self.manifest.settings.audio.sample_rate_hz;
        let frames = header.and_then(|header| Some(resampled_frames(header.declared_frames?, header.rate_hz, rate_hz)));
        frames.map_or(0, |frames| self.windowing.clip_count(frames))
    }

    fn taxa(&self) -> &Taxa {
        &self.manifest.taxa
    }

    fn dataset_info(&self) -> DatasetInfo {
        let settings = &self.manifest.settings;
        let (fmin_hz, fmax_hz) = self.log_mel.axis().range_hz();
        let axes = Axes {
            frequency_scale: self.log_mel.axis().name().into(),
            fmin_hz,
            fmax_hz,
            row_0: "lowest".into(),
            frame_rate_hz: self.rate_hz() / settings.spectrogram.hop_length as f64,
            clip_duration_s: settings.clips.duration_s.to_f64(),
            hop_s: settings.clips.hop_s.to_f64(),
            sample_rate_hz: Some(settings.audio.sample_rate_hz),
        };
        let (reference, offset, step) = self.log_mel.value_scale();
        DatasetInfo {
            format: shardfmt::dataset::FORMAT.into(),
            schema_version: shardfmt::dataset::SCHEMA_VERSION,
            features_required: Vec::new(),
            features_optional: Vec::new(),
            name: settings.name.clone(),
            program: PROGRAM.into(),
            config: self.config.clone(),
            config_xxh3: self.inputs_xxh3(),
            clips: self.spec(),
            axes,
            values: ValueScale {
                unit: "dB".into(),
                reference: reference.into(),
                offset,
                step,
            },
            instruction_set: self.log_mel.instruction_set(),
            counts: Counts {
                shards: 0,
                clips: 0,
                assets: 0,
                rejects: 0,
            },
            files: Vec::new(),
        }
    }

    fn inputs_xxh3(&self) -> u64 {
        xxh3(self.config.to_string().as_bytes())
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
        let mut counts = labeller.recording_counts();
        let mut labels = Vec::with_capacity(clips.len());
        for ((clip, row), extent) in clips.iter().zip(place.rows.clone()).zip(&facts.clips) {
            let (start_s, end_s, valid_s) = self.seconds_of(extent.start_sample, extent.valid_samples, duration_s);
            let (start_ns, end_ns) = (nanoseconds(start_s), nanoseconds(end_s));
            let span = ClipSpan {
                start_ns,
                end_ns,
                real_end_ns: nanoseconds(start_s + valid_s).min(end_ns),
            };
            let found = labeller.label(span, self, &mut counts);
            labels.push(LabelRow {
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
            });
        }
        AssetRecord {
            asset: asset_row(recording, &facts, duration_s, place),
            prior: prior_row(recording),
            labels,
            counts,
        }
    }
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
        checklist_observed: recording.checklist.as_ref().map(|list| list.observed.clone()),
        checklist_complete: recording.checklist.as_ref().map(|list| list.complete),
    }
}
