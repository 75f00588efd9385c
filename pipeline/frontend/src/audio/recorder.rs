//! Reads what a recorder wrote of a recording into its file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::container::{Container, identify};
use super::ranged::Seekable;
use super::reject::Reject;
use super::wav::{self, OpenLength, RecorderMetadata};

/// The metadata of a WAV file, as it is stored; none of other formats.
///
/// # Errors
///
/// What stops the recording from being opened. One without a length still has metadata.
pub fn recorder_metadata(path: &Path) -> Result<Vec<RecorderMetadata>, Reject> {
    let mut file = BufReader::new(File::open(path)?);
    match identify(&mut file)? {
        (Container::Wav, offset) => {
            let mut reader = wav::open(Box::new(Seekable::new(file.into_inner())?), offset, OpenLength::ToEnd)?;
            Ok(reader.recorder_metadata()?)
        }
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::audio::wav::MetadataKind;

    #[test]
    fn a_comment_is_found_even_where_the_samples_have_no_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0".to_vec();
        file.extend(b"LIST\x10\0\0\0INFOICMT\x04\0\0\0bird");
        file.extend(b"data\0\0\0\0\x01\x02\x03\x04");
        std::fs::write(&path, &file).unwrap();
        let metadata = recorder_metadata(&path).unwrap();
        assert_eq!((metadata.len(), metadata[0].kind), (1, MetadataKind::Info));
        let items: Vec<(String, &[u8])> = metadata[0]
            .items()
            .into_iter()
            .map(|(id, text)| (id.to_string(), text))
            .collect();
        assert_eq!(items, [("ICMT".to_owned(), b"bird".as_slice())]);
        std::fs::write(&path, b"fLaC").unwrap();
        assert_eq!(recorder_metadata(&path).unwrap(), []);
    }
}
