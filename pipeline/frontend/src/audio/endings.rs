//! Provides `is_recording_name`, whether a file is worth opening by the ending of its name.

use std::path::Path;

/// Endings of the formats that are read, in lower case. What a file is in fact, its first bytes say.
const ENDINGS: [&str; 21] = [
    "wav", "wave", "bwf", "rf64", "w64", "flac", "mp3", "ogg", "oga", "opus", "m4a", "mp4", "m4b", "mov", "aac",
    "adts", "aif", "aiff", "aifc", "caf", "alac",
];

/// Whether the name of `file` ends as those of recordings do that can be read.
pub fn is_recording_name(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_count_in_any_case() {
        for name in ["a.wav", "a.WAV", "a.b.Flac", "dir/a.opus"] {
            assert!(is_recording_name(Path::new(name)), "{name}");
        }
        for name in ["wav", "a.txt", "a.wav.txt", ".wav", "a.wav/", "Data"] {
            assert_eq!(is_recording_name(Path::new(name)), name == "a.wav/", "{name}");
        }
    }
}
