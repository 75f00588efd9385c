//! Provides the target that opens and verifies a dataset whose `dataset.json` is hostile.

use std::path::Path;
use std::sync::LazyLock;

use shardfmt::entry::{DATASET_JSON, FOLDERS, REJECTS, TAXA};
use shardfmt::sealed::seal;
use shardfmt::verify::{Depth, verify};
use shardfmt::{Checks, Dataset, read_dataset_json, write_dataset_json};
use tempfile::TempDir;

/// The golden dataset's files, by links, in a folder where `dataset.json` can be written.
static FOLDER: LazyLock<Option<TempDir>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().ok()?;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    for name in FOLDERS.into_iter().chain([TAXA, REJECTS]) {
        std::os::unix::fs::symlink(golden.join(name), folder.path().join(name)).ok()?;
    }
    Some(folder)
});

/// Reads `data` as a `dataset.json`, as it is and sealed, and opens and verifies the dataset it describes.
pub fn dataset_json(data: &[u8]) {
    let Some(folder) = FOLDER.as_ref().map(TempDir::path) else {
        return;
    };
    open(folder, data);
    let sealed = std::str::from_utf8(data).ok().and_then(|text| seal(text, folder).ok());
    if let Some(sealed) = sealed {
        open(folder, &sealed);
    }
}

fn open(folder: &Path, json: &[u8]) {
    if std::fs::write(folder.join(DATASET_JSON), json).is_err() {
        return;
    }
    let report = verify(folder, Depth::Full, &mut |_, _| {});
    let Ok(info) = read_dataset_json(&folder.join(DATASET_JSON)) else {
        assert!(
            report.is_ok_and(|report| !report.findings.is_empty()),
            "nothing was found"
        );
        return;
    };
    if let Ok(dataset) = Dataset::open(folder) {
        for shard in 0..dataset.shard_count() {
            if let Ok(shard) = dataset.open_shard(shard, Checks::Always) {
                let _ = (dataset.labels(&shard), dataset.priors(&shard));
            }
        }
        let _ = dataset.rejects();
    }
    let written = write_dataset_json(folder, &info);
    assert!(written.is_ok(), "what was read cannot be written: {written:?}");
    let again = read_dataset_json(&folder.join(DATASET_JSON));
    assert!(
        again.as_ref().is_ok_and(|again| *again == info),
        "{info:?} came back as {again:?}"
    );
}
