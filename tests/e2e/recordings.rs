//! Provides `Workplace`, a temporary folder with small recordings, tables and a manifest.

use std::fs;
use std::path::{Path, PathBuf};

use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr;
use flacenc::error::Verify;
use hound::{SampleFormat, WavSpec, WavWriter};
use tempfile::TempDir;

/// Rate at which the datasets here are made unless a test says otherwise.
pub(crate) const RATE_HZ: u32 = 22_050;

/// The four classes of the tables here, in class order.
pub(crate) const TAXA: &str = "species_code,common_name,scientific_name\n\
    woothr,Wood Thrush,Hylocichla mustelina\n\
    eastow,Eastern Towhee,Pipilo erythrophthalmus\n\
    norcar,Northern Cardinal,Cardinalis cardinalis\n\
    bkcchi,Black-capped Chickadee,\n";

/// The least a manifest has to say.
pub(crate) const MINIMAL: &str =
    "[dataset]\nname = \"test\"\n\n[tables]\nrecordings = \"recordings.csv\"\ntaxa = \"taxa.csv\"\n";

/// A temporary folder in which one test works; gone when dropped.
pub(crate) struct Workplace {
    folder: TempDir,
}

impl Workplace {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Workplace {
            folder: TempDir::new().unwrap(),
        }
    }

    /// One with the taxa table, a minimal manifest (plus `settings`) and recordings of noise: (asset id, seconds).
    pub(crate) fn with_recordings(settings: &str, recordings: &[(i64, f64)]) -> Self {
        let place = Self::new();
        place.write("taxa.csv", TAXA);
        place.write("manifest.toml", &format!("{MINIMAL}{settings}"));
        let mut table = String::from("asset_id,path,target_species,split\n");
        for &(asset_id, seconds) in recordings {
            place.wav(
                &format!("audio/{asset_id}.wav"),
                RATE_HZ,
                1,
                &noise(RATE_HZ, seconds, asset_id as u64),
            );
            table += &format!("{asset_id},audio/{asset_id}.wav,woothr,train\n");
        }
        place.write("recordings.csv", &table);
        place
    }

    /// A set with every kind of table, formats and rates mixed, all lists and gaps of the priors, and about 30 clips
    /// that fill several shards of `shard_clips`.
    pub(crate) fn with_every_table(shard_clips: u32) -> Self {
        let place = Self::new();
        place.write("taxa.csv", TAXA);
        place.wav("audio/dawn.wav", 22_050, 1, &noise(22_050, 10.0, 1));
        place.wav("audio/sub/ridge.wav", 44_100, 2, &noise(44_100, 7.5, 2));
        place.flac("audio/creek.flac", 32_000, &noise(32_000, 13.0, 3));
        place.wav_float("audio/marsh.wav", 48_000, &noise(48_000, 6.0, 4));
        place.wav("audio/short.wav", 16_000, 1, &noise(16_000, 0.4, 5));
        place.wav("audio/silent.wav", 22_050, 1, &[0.0; 22_050 * 4]);
        place.flac("audio/long.flac", 22_050, &noise(22_050, 25.0, 7));
        place.wav("audio/dusk.wav", 22_050, 1, &noise(22_050, 9.0, 8));
        place.write(
            "recordings.csv",
            "asset_id,path,target_species,latitude,longitude,recorded_at,checklist_id,split,license,source_url\n\
             101,audio/dawn.wav,woothr,40.1597,-79.2717,2018-06-02T06:30:00-04:00,S1,train,CC0-1.0,https://example.org/1\n\
             7,audio/sub/ridge.wav,eastow,40.25,-79.5,2018-06-09T05:58:00.25-04:00,S2,train,,\n\
             -5,audio/creek.flac,,,,,,val,MIT,\n\
             102,audio/marsh.wav,norcar,-3.52,120.61,2020-04-19T10:25:00Z,S3,test,,\n\
             103,audio/short.wav,bkcchi,,,,S9,test,,\n\
             104,audio/silent.wav,,,,,,val,,\n\
             105,audio/long.flac,woothr,41.0,-78.0,,,train,,\n\
             106,audio/dusk.wav,eastow,,,,S3,test,,\n",
        );
        place.write(
            "boxes.csv",
            "asset_id,start_s,end_s,low_hz,high_hz,species_code,status\n\
             101,0.5,2.25,1500,4000,woothr,active\n\
             101,2.75,5.5,,,eastow,\n\
             101,8.0,8.5,1000.5,14000,norcar,passive\n\
             7,1.0,2.0,2000,3000,unkbrd,passive\n\
             -5,3.5,4.5,2000,3000,norcar,ignore\n\
             -5,6.25,7.0,2000,,norcar,\n\
             102,0.0,6.0,,,nobird,\n\
             105,1.0,24.0,800,8000,woothr,\n\
             105,20.0,21.0,2000,2500,bkcchi,\n\
             106,99.0,100.0,1,2,eastow,\n",
        );
        // Both lists given; no modelled list; nothing possible; no row at all for 103.
        place.write(
            "geo_prior.csv",
            "asset_id,possible_species,modelled_species\n\
             101,woothr;eastow;norcar,woothr;eastow;norcar;bkcchi\n\
             7,eastow;bkcchi,\n\
             102,,woothr\n\
             105,bkcchi;woothr,bkcchi;woothr;norcar\n",
        );
        place.write(
            "checklist_prior.csv",
            "checklist_id,observed_species,all_species_reported\n\
             S1,woothr;eastow;norcar,1\n\
             S2,eastow,0\n\
             S3,,0\n",
        );
        place.write(
            "annotated_spans.csv",
            "asset_id,start_s,end_s,scope\n101,0,6,all\n105,0,25,target\n106,0,9,all\n104,0,4,all\n",
        );
        place.write(
            "manifest.toml",
            &format!(
                "{MINIMAL}boxes = \"boxes.csv\"\ngeo_prior = \"geo_prior.csv\"\nchecklist_prior = \"checklist_prior.csv\"\n\
                 annotated_spans = \"annotated_spans.csv\"\n\n\
                 [labels]\nunknown_bird_codes = [\"unkbrd\"]\nno_bird_codes = [\"nobird\"]\n\n\
                 [shards]\nclips = {shard_clips}\n"
            ),
        );
        place
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.path("manifest.toml")
    }

    /// Writes a text file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        self.write_bytes(name, text.as_bytes());
    }

    /// Writes a file and the folders it lies in.
    pub(crate) fn write_bytes(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The text of a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces a text that stands once in a file.
    #[track_caller]
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert_eq!(text.matches(from).count(), 1, "{from:?} stands once in {name}");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// Writes a 16-bit WAV with the same samples in every channel.
    pub(crate) fn wav(&self, name: &str, rate_hz: u32, channels: u16, samples: &[f32]) {
        let spec = WavSpec {
            channels,
            sample_rate: rate_hz,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        self.write_bytes(name, b"");
        let mut writer = WavWriter::create(self.path(name), spec).unwrap();
        for &sample in samples {
            (0..channels).for_each(|_| writer.write_sample(quantised(sample)).unwrap());
        }
        writer.finalize().unwrap();
    }

    /// Writes a mono 32-bit float WAV.
    pub(crate) fn wav_float(&self, name: &str, rate_hz: u32, samples: &[f32]) {
        let spec = WavSpec {
            channels: 1,
            sample_rate: rate_hz,
            bits_per_sample: 32,
            sample_format: SampleFormat::Float,
        };
        self.write_bytes(name, b"");
        let mut writer = WavWriter::create(self.path(name), spec).unwrap();
        samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
    }

    /// Writes a mono 16-bit FLAC.
    pub(crate) fn flac(&self, name: &str, rate_hz: u32, samples: &[f32]) {
        let samples: Vec<i32> = samples.iter().map(|&sample| i32::from(quantised(sample))).collect();
        let config = flacenc::config::Encoder::default().into_verified().unwrap();
        let source = flacenc::source::MemSource::from_samples(&samples, 1, 16, rate_hz as usize);
        let mut stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size).unwrap();
        // The encoder counts the short last block, which RFC 9639 (8.2) leaves out.
        stream
            .stream_info_mut()
            .set_block_sizes(config.block_size, config.block_size)
            .unwrap();
        let mut sink = ByteSink::new();
        stream.write(&mut sink).unwrap();
        self.write_bytes(name, sink.as_slice());
    }
}

fn quantised(sample: f32) -> i16 {
    (f64::from(sample) * 32_768.0).round() as i16
}

/// Noise with a tone that swells and fades, different for every seed, within 0.6 of full scale.
pub(crate) fn noise(rate_hz: u32, seconds: f64, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let pitch_hz = 700.0 + 350.0 * (seed % 16) as f64;
    let frames = (seconds * f64::from(rate_hz)).round() as usize;
    let sample = |frame: usize| {
        // Xorshift (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let white = (state >> 40) as f64 / (1u64 << 23) as f64 - 1.0;
        let time_s = frame as f64 / f64::from(rate_hz);
        let tone = (std::f64::consts::TAU * pitch_hz * time_s).sin() * (1.3 * time_s).sin().abs();
        (0.1 * white + 0.5 * tone) as f32
    };
    (0..frames).map(sample).collect()
}
