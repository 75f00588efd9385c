//! Provides the replay of a kept corpus, so that tests run without libFuzzer what it once found.

use std::fs;
use std::io;
use std::path::Path;

/// Gives every file of the folder `corpus` to `target` and returns how many there were.
///
/// # Errors
/// If the folder or a file of it cannot be read.
pub fn replay(corpus: &Path, target: fn(&[u8])) -> io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(corpus)? {
        target(&fs::read(entry?.path())?);
        files += 1;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{abort_on_own_panics, dataset_json, shard_open_read, sidecar_tables};

    #[test]
    fn kept_inputs_still_pass() {
        abort_on_own_panics();
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        let targets = [
            ("shard_open_read", shard_open_read as fn(&[u8])),
            ("sidecar_tables", sidecar_tables),
            ("dataset_json", dataset_json),
        ];
        for (name, target) in targets {
            assert!(replay(&corpus.join(name), target).unwrap() > 0, "{name}");
        }
    }
}
