//! Tests of a flow on a source whose clips are numbers: order, content, rejects, changed files, and early ends.

use std::fs;
use std::io;
use std::path::PathBuf;

use shardfmt::Xxh3;
use shardfmt::checksum::FileHash;
use tempfile::TempDir;

use super::{Delivery, Workers, run};
use crate::recordings::{RecordingFacts, RecordingReader, Waveform};
use crate::settings::AudioSettings;
use crate::source::{AssetReader, ClipSource, Rejected, Rendered};
use crate::window::{Tail, Windowing};

/// Assets of which some are rejected, each in its own way.
struct Numbers {
    folder: TempDir,
    assets: usize,
}

// What becomes of an asset, by its number modulo seven.
const CLOSED: usize = 1;
const DAMAGED: usize = 2;
const UNHASHED: usize = 3;
const PANICKING: usize = 4;
const CHANGED: usize = 5;

impl Numbers {
    fn new(assets: usize) -> Self {
        let numbers = Numbers {
            folder: tempfile::tempdir().unwrap(),
            assets,
        };
        (0..assets).for_each(|asset| fs::write(numbers.file(asset), asset.to_string()).unwrap());
        numbers
    }

    fn file(&self, asset: usize) -> PathBuf {
        self.folder.path().join(asset.to_string())
    }
}

/// Clips of an asset: none of some, several batches of others.
fn clips_of(asset: usize) -> u64 {
    (asset * asset % 23) as u64
}

/// The stored bytes of a clip.
fn stored(asset: usize, clip: u64) -> [u8; 8] {
    (asset as u64 * 1000 + clip).to_le_bytes()
}

struct NumberReader {
    asset: usize,
    next: u64,
}

/// A checksum that a reader of even assets found, which no bytes of theirs have.
const FOUND: FileHash = FileHash {
    bytes: 3,
    xxh3: Xxh3(48),
};

impl AssetReader for NumberReader {
    type Clip = [u8; 8];
    type Facts = u64;

    fn next(&mut self, clip: &mut [u8; 8]) -> Result<bool, Rejected> {
        if self.next < clips_of(self.asset) {
            *clip = stored(self.asset, self.next);
            self.next += 1;
            return Ok(true);
        }
        match self.asset % 7 {
            DAMAGED => Err(Rejected::new("decode", "damaged")),
            PANICKING => panic!("a decoder's defect"),
            _ => Ok(false),
        }
    }

    fn files_hash(&mut self) -> Option<io::Result<FileHash>> {
        match self.asset {
            asset if asset % 7 == UNHASHED => Some(Err(io::Error::other("a bad sector"))),
            asset => asset.is_multiple_of(2).then_some(Ok(FOUND)),
        }
    }

    fn facts(self) -> u64 {
        self.next
    }
}

impl ClipSource for Numbers {
    type Clip = [u8; 8];
    type Reader = NumberReader;
    type Facts = u64;
    type Scratch = ();

    fn len(&self) -> usize {
        self.assets
    }

    fn files(&self, asset: usize) -> Vec<PathBuf> {
        vec![self.file(asset)]
    }

    /// So large that a batch holds six.
    fn clip_input_bytes(&self) -> usize {
        300_000
    }

    fn clip_bytes(&self) -> usize {
        8
    }

    fn open(&self, asset: usize) -> Result<NumberReader, Rejected> {
        match asset % 7 {
            CLOSED => return Err(Rejected::new("open", "closed")),
            CHANGED => fs::write(self.file(asset), "something else").unwrap(),
            _ => {}
        }
        Ok(NumberReader { asset, next: 0 })
    }

    fn scratch(&self) {}

    fn render(&self, clip: &[u8; 8], (): &mut (), stored: &mut [u8]) -> Rendered {
        stored.copy_from_slice(clip);
        Rendered {
            ref_db: f32::from(clip[0]),
            silent: false,
            rms_dbfs: None,
            mean_db: None,
        }
    }
}

#[test]
fn clips_and_ends_come_in_order_whatever_is_rejected() {
    for threads in [1, 3] {
        let (source, workers) = (Numbers::new(50), Workers::start(threads).unwrap());
        let (mut asset, mut clip) = (3, 0);
        let whole = run(&workers, &source, 3..50, clips_of, |delivery| {
            match delivery {
                Delivery::Clip(found) => {
                    assert_eq!((found.asset, found.bytes), (asset, &stored(asset, clip)[..]));
                    assert_eq!(found.xxh3, Xxh3::of(found.bytes));
                    assert_eq!(found.rendered.ref_db, f32::from(found.bytes[0]));
                    clip += 1;
                }
                Delivery::End(end) => {
                    let expected = match asset % 7 {
                        CLOSED => Err(("open", 0)),
                        DAMAGED | PANICKING => Err(("decode", clips_of(asset))),
                        CHANGED => Err(("read", clips_of(asset))),
                        UNHASHED => Err(("open", clips_of(asset))),
                        _ => Ok(clips_of(asset)),
                    };
                    let result = end.result.as_ref().map(|whole| whole.facts);
                    assert_eq!(
                        result.map_err(|rejected| (&*rejected.stage, clip)),
                        expected,
                        "asset {asset}"
                    );
                    assert_eq!((end.asset, end.source.asset), (asset, asset));
                    // What could be read is hashed, rejected or not: by the reader, or by a pass of its own.
                    let found = match asset % 7 {
                        CLOSED => Some(Xxh3::of(asset.to_string().as_bytes())),
                        UNHASHED => None,
                        _ if asset % 2 == 0 => Some(FOUND.xxh3),
                        CHANGED => Some(Xxh3::of(b"something else")),
                        _ => Some(Xxh3::of(asset.to_string().as_bytes())),
                    };
                    assert_eq!(end.source.xxh3, found, "asset {asset}");
                    if let Ok(whole) = end.result {
                        assert_eq!(Some(whole.source.xxh3), found);
                        assert!(end.source.holds(&source.files(asset)));
                    }
                    (asset, clip) = (asset + 1, 0);
                }
            }
            Ok::<_, ()>(())
        });
        assert_eq!((whole, asset), (Ok(true), 50), "{threads} threads");
    }
}

#[test]
fn an_error_of_the_caller_ends_it() {
    let (source, workers) = (Numbers::new(50), Workers::start(2).unwrap());
    // The last delivery is now a clip, now an end.
    for last in 90..110 {
        let mut delivered = 0;
        let failed = run(&workers, &source, 0..50, clips_of, |_| {
            delivered += 1;
            if delivered < last {
                Ok(())
            } else {
                Err("the disk is full")
            }
        });
        assert_eq!((failed, delivered), (Err("the disk is full"), last));
    }
}

#[test]
fn workers_that_are_stopped_deliver_no_more() {
    let (source, workers) = (Numbers::new(50), Workers::start(2).unwrap());
    let mut ends = 0;
    let whole = run(&workers, &source, 0..50, clips_of, |delivery| {
        if let Delivery::End(_) = delivery {
            ends += 1;
            workers.stop();
        }
        Ok::<_, ()>(())
    });
    assert_eq!(whole, Ok(false));
    assert!(ends < 50);
}

/// Recordings of a folder, of which one is touched while it is read.
struct Recordings {
    files: Vec<PathBuf>,
    touched: usize,
}

/// Touches a file once a clip of it was read.
struct Touching {
    reader: RecordingReader,
    touched: Option<PathBuf>,
}

impl AssetReader for Touching {
    type Clip = Waveform;
    type Facts = RecordingFacts;

    fn next(&mut self, clip: &mut Waveform) -> Result<bool, Rejected> {
        let more = self.reader.next(clip)?;
        if let Some(file) = self.touched.take() {
            // A byte of the same length, behind what was read so far.
            let mut bytes = fs::read(&file).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&file, bytes).unwrap();
        }
        Ok(more)
    }

    fn files_hash(&mut self) -> Option<io::Result<FileHash>> {
        self.reader.files_hash()
    }

    fn facts(self) -> RecordingFacts {
        self.reader.facts()
    }
}

impl ClipSource for Recordings {
    type Clip = Waveform;
    type Reader = Touching;
    type Facts = RecordingFacts;
    type Scratch = ();

    fn len(&self) -> usize {
        self.files.len()
    }

    fn files(&self, asset: usize) -> Vec<PathBuf> {
        vec![self.files[asset].clone()]
    }

    fn clip_input_bytes(&self) -> usize {
        1 << 16
    }

    fn clip_bytes(&self) -> usize {
        4
    }

    fn open(&self, asset: usize) -> Result<Touching, Rejected> {
        let (second, file) = ("1".parse().unwrap(), &self.files[asset]);
        let audio = AudioSettings {
            sample_rate_hz: 16_000,
            ..AudioSettings::default()
        };
        let windowing = Windowing::new(second, second, audio.sample_rate_hz, Tail::Pad).unwrap();
        Ok(Touching {
            reader: RecordingReader::open(file, &audio, windowing)?,
            touched: (asset == self.touched).then(|| file.clone()),
        })
    }

    fn scratch(&self) {}

    fn render(&self, clip: &Waveform, (): &mut (), stored: &mut [u8]) -> Rendered {
        stored.copy_from_slice(&clip.samples[100].to_le_bytes());
        Rendered {
            ref_db: 0.0,
            silent: false,
            rms_dbfs: None,
            mean_db: None,
        }
    }
}

#[test]
fn recordings_are_hashed_as_they_are_read_and_refused_when_they_change_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 32_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut wav, spec).unwrap();
    (0..320_000i32).for_each(|i| writer.write_sample((i % 997 * (i % 991) % 9973) as i16).unwrap());
    writer.finalize().unwrap();
    let wav = wav.into_inner();
    let contents: [&[u8]; 5] = [&wav, &wav, b"no recording", &wav[..wav.len() - 1001], b""];
    let files: Vec<PathBuf> = (0..=contents.len())
        .map(|i| folder.path().join(i.to_string()))
        .collect();
    for (file, content) in files.iter().zip(contents) {
        fs::write(file, content).unwrap();
        // Older than the resolution of the clock.
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        fs::File::options()
            .append(true)
            .open(file)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
    }
    let source = Recordings { files, touched: 1 };
    let mut ends = Vec::new();
    let workers = Workers::start(2).unwrap();
    let whole = run(
        &workers,
        &source,
        0..source.len(),
        |_| 10,
        |delivery| {
            if let Delivery::End(end) = delivery {
                let stage = end.result.as_ref().err().map(|rejected| rejected.stage.clone());
                if let Ok(whole) = end.result {
                    assert_eq!((whole.source.bytes, whole.facts.clips.len()), (wav.len() as u64, 10));
                }
                ends.push((stage, end.source.xxh3));
            }
            Ok::<_, ()>(())
        },
    );
    assert_eq!(whole, Ok(true));
    let stages: Vec<_> = ends.iter().map(|(stage, _)| stage.as_deref()).collect();
    // The last file is not there.
    let expected = [
        None,
        Some("read"),
        Some("open"),
        Some("decode"),
        Some("open"),
        Some("open"),
    ];
    assert_eq!(stages, expected);
    for (at, content) in contents.iter().enumerate().filter(|(at, _)| *at != source.touched) {
        assert_eq!(ends[at].1, Some(Xxh3::of(content)), "file {at}");
    }
    assert_eq!(ends[5].1, None);
}
