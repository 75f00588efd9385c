//! Provides the target that reads manifests and their tables.

use std::path::Path;
use std::sync::LazyLock;

use pipeline::manifest::{BoxCode, Manifest};
use tempfile::TempDir;

/// Names of the files that an input holds, in this order, with a zero byte between them.
const FILES: [&str; 7] = [
    "manifest.toml",
    "recordings.csv",
    "taxa.csv",
    "boxes.csv",
    "spans.csv",
    "geo.csv",
    "checklists.csv",
];

/// A manifest over one table of recordings of any kind.
const OVER_ONE_TABLE: &str = "[dataset]\nname = \"a\"\n[tables]\nrecordings = \"recordings.any\"\ntaxa = \"few.csv\"\n";

/// How tables begin that may hold zero bytes: Parquet, gzip, UTF-16 in either order.
const MAGICS: [&[u8]; 4] = [b"PAR1", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff"];

static FOLDER: LazyLock<Option<TempDir>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().ok()?;
    std::fs::write(folder.path().join("one.toml"), OVER_ONE_TABLE).ok()?;
    std::fs::write(folder.path().join("few.csv"), "species_code\nwoothr\nnorcar\n").ok()?;
    Some(folder)
});

/// Reads `data` as a manifest and its tables, or, if it begins like a table that is not plain text, as a table of
/// recordings.
pub fn manifest_tables(data: &[u8]) {
    let Some(folder) = FOLDER.as_ref().map(TempDir::path) else {
        return;
    };
    let manifest = if MAGICS.iter().any(|magic| data.starts_with(magic)) {
        if std::fs::write(folder.join("recordings.any"), data).is_err() {
            return;
        }
        "one.toml"
    } else {
        let mut files = data.split(|&byte| byte == 0);
        for (number, name) in FILES.into_iter().enumerate() {
            let file = files.next().unwrap_or_default();
            // A manifest may name any file of the machine, which is its writer's to do and not for a fuzzer.
            let leaves = |part: &[u8]| {
                [b"\"/", b"'/", b"..", b"**", b"\\u", b"\\U"]
                    .iter()
                    .any(|way| part == *way)
            };
            if number == 0 && file.windows(2).any(leaves) {
                return;
            }
            if std::fs::write(folder.join(name), file).is_err() {
                return;
            }
        }
        FILES[0]
    };
    match Manifest::load(&folder.join(manifest)) {
        Ok(manifest) => check(&manifest),
        Err(problems) => assert!(!problems.is_empty() && !problems.to_string().is_empty()),
    }
}

/// What every manifest without mistakes keeps.
fn check(manifest: &Manifest) {
    assert!(!manifest.recordings.is_empty() && !manifest.taxa.is_empty());
    let mut ids: Vec<i64> = manifest.recordings.iter().map(|recording| recording.asset_id).collect();
    ids.sort_unstable();
    assert!(ids.is_sorted_by(|a, b| a < b), "duplicate asset_id");
    for recording in &manifest.recordings {
        assert!(Path::new(&recording.path).is_relative(), "{:?}", recording.path);
        for found in &recording.boxes {
            assert!(0 <= found.start_ns && found.start_ns <= found.end_ns, "{found:?}");
            assert!(
                !matches!(found.code, BoxCode::Class(class) if class as usize >= manifest.taxa.len()),
                "{found:?}"
            );
        }
        assert!(
            recording
                .spans
                .iter()
                .all(|span| 0 <= span.start_ns && span.start_ns <= span.end_ns)
        );
    }
    let _ = manifest.notes.warnings();
}
