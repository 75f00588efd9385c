//! Provides `PictureReader`: the pictures of one asset, clip after clip, with their labels read again from
//! `clips.json`.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use shardfmt::Taxa;
use shardfmt::Xxh3;

use super::clip::{Clip, ClipJson};
use super::index::Entry;
use frontend::picture::{Channels, Picture, read_jpeg};
use frontend::source::{AssetReader, Rejected};

/// Width and height of every picture of the set.
pub(super) const PICTURE_PIXELS: (u32, u32) = (750, 236);

/// The set's folder and where its clips are; shared by all readers.
pub(super) struct Files {
    pub(super) folder: PathBuf,
    /// Opened once, so that it stays the same file.
    pub(super) clips_json: File,
    pub(super) taxa: Taxa,
    pub(super) clips: Vec<Entry>,
}

impl Files {
    /// The file of a clip's picture.
    pub(super) fn picture(&self, entry: &Entry) -> PathBuf {
        self.folder.join(&*entry.path)
    }

    /// Reads a clip's labels and boxes.
    ///
    /// # Errors
    /// In words, when `clips.json` is not what it was when it was indexed.
    pub(super) fn clip(&self, entry: &Entry) -> Result<Clip, String> {
        let mut text = vec![0; entry.bytes];
        let read = self.clips_json.read_exact_at(&mut text, entry.offset_bytes);
        read.map_err(|error| format!("clips.json cannot be read again: {error}"))?;
        let changed = || "clips.json changed while it was read".to_owned();
        if Xxh3::of(&text) != entry.xxh3 {
            return Err(changed());
        }
        let json: ClipJson = serde_json::from_slice(&text).map_err(|_| changed())?;
        // Its mistakes were reported when it was indexed, and there were none.
        Ok(Clip::of(json, &self.taxa, &[], &mut |_, _, _| {}))
    }
}

/// Reads the pictures of one asset in order.
pub struct PictureReader {
    files: Arc<Files>,
    left: Range<usize>,
    clips: Vec<GivenClip>,
}

/// What the set says of a clip.
pub(super) struct GivenClip {
    pub(super) source_index: i64,
    pub(super) clip: Clip,
}

/// Whether a picture of so many pixels is one of the set.
///
/// # Errors
/// In words.
pub(super) fn is_of_the_set(width: usize, height: usize) -> Result<(), String> {
    let (expected_width, expected_height) = PICTURE_PIXELS;
    if (width, height) == (expected_width as usize, expected_height as usize) {
        return Ok(());
    }
    Err(format!(
        "expected a picture of {expected_width} x {expected_height}, got {width} x {height}"
    ))
}

/// What is known of an asset once its pictures have been read.
pub struct GivenClips(pub(super) Vec<GivenClip>);

impl PictureReader {
    pub(super) fn new(files: Arc<Files>, clips: Range<usize>) -> Self {
        PictureReader {
            files,
            left: clips,
            clips: Vec::new(),
        }
    }
}

impl AssetReader for PictureReader {
    type Clip = Picture;
    type Facts = GivenClips;

    fn next(&mut self, picture: &mut Picture) -> Result<bool, Rejected> {
        let Some(entry) = self.left.next().and_then(|number| self.files.clips.get(number)) else {
            return Ok(false);
        };
        let path = &entry.path;
        let clip = self
            .files
            .clip(entry)
            .map_err(|reason| Rejected::new("read", format!("{path}: {reason}")))?;
        let of_clip = |reason: String| format!("clip {} ({path}): {reason}", clip.id);
        let refused = |rejected: Rejected| Rejected::new(rejected.stage, of_clip(rejected.reason));
        read_jpeg(&self.files.picture(entry), Channels::Grey, picture, is_of_the_set).map_err(refused)?;
        if clip.size != PICTURE_PIXELS {
            let ((width, height), (said_width, said_height)) = (PICTURE_PIXELS, clip.size);
            let reason =
                format!("expected a picture of {width} x {height}, but clips.json says {said_width} x {said_height}");
            return Err(refused(Rejected::new("decode", reason)));
        }
        self.clips.push(GivenClip {
            source_index: entry.source_index,
            clip,
        });
        Ok(true)
    }

    fn facts(self) -> GivenClips {
        GivenClips(self.clips)
    }
}
