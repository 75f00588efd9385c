//! Tests of a flow on a source whose clips are numbers: order, content, rejects, changed files, and early ends.

use std::fs;
use std::path::PathBuf;

use shardfmt::Xxh3;
use tempfile::TempDir;

use super::{Delivery, Workers, run};
use crate::source::{AssetReader, ClipSource, Rejected, Rendered};

/// Assets of which some are rejected, each in its own way.
struct Numbers {
    folder: TempDir,
    assets: usize,
}

// What becomes of an asset, by its number modulo seven.
const CLOSED: usize = 1;
const DAMAGED: usize = 2;
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
                        _ => Ok(clips_of(asset)),
                    };
                    let result = end.result.as_ref().map(|whole| whole.facts);
                    assert_eq!(
                        result.map_err(|rejected| (&*rejected.stage, clip)),
                        expected,
                        "asset {asset}"
                    );
                    assert_eq!((end.asset, end.source.asset), (asset, asset));
                    if let Ok(whole) = end.result {
                        assert_eq!(whole.source.xxh3, Xxh3::of(asset.to_string().as_bytes()));
                        assert_eq!(end.source.xxh3, Some(whole.source.xxh3));
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
