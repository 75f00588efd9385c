//! Provides the target that reads Raven selection tables and Audacity label tracks.

use std::path::Path;
use std::sync::LazyLock;

use pipeline::manifest::{AssetBox, BoxCode, Manifest, nanoseconds};
use tempfile::TempDir;
use unicode_normalization::UnicodeNormalization;

const TAXA: &str = "species_code\nwoothr\nnorcar\n";

/// A manifest for each format over one recording whose annotation file is the input.
static FOLDER: LazyLock<Option<TempDir>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().ok()?;
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).ok();
    write("recordings.csv", "asset_id,path,split\n1,a.wav,train\n")?;
    write("taxa.csv", TAXA)?;
    for format in ["raven", "audacity"] {
        let manifest = format!(
            "[dataset]\nname = \"a\"\n[tables]\nrecordings = \"recordings.csv\"\ntaxa = \"taxa.csv\"\n\
             [tables.boxes]\nformat = \"{format}\"\nfiles = \"{{stem}}.txt\"\n[labels]\nother_codes = \"keep-box\"\n"
        );
        write(format, &manifest)?;
    }
    Some(folder)
});

/// Reads `data` in both formats. Every box must stand in the line it says it came from, with its label and its start.
pub fn raven_audacity(data: &[u8]) {
    let Some(folder) = FOLDER.as_ref().map(TempDir::path) else {
        return;
    };
    if std::fs::write(folder.join("a.txt"), data).is_err() {
        return;
    }
    // What is packed stands in no line of the input.
    let is_packed = data.starts_with(b"\x1f\x8b");
    let text = text_of(data).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    for format in ["raven", "audacity"] {
        match Manifest::load(Path::new(&folder.join(format))) {
            Ok(manifest) => {
                for found in manifest.recordings.iter().flat_map(|recording| &recording.boxes) {
                    assert!(
                        is_packed || stands_in_its_line(found, &lines, &manifest),
                        "{format}: {found:?} is not there"
                    );
                    assert!(
                        0 <= found.start_ns && found.start_ns <= found.end_ns,
                        "{format}: {found:?}"
                    );
                }
            }
            Err(problems) => assert!(!problems.is_empty() && !problems.to_string().is_empty()),
        }
    }
}

/// The text, in the form of Unicode in which labels are compared.
fn text_of(data: &[u8]) -> String {
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    let text = match data {
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(data).into_owned(),
    };
    text.nfc().collect()
}

fn stands_in_its_line(found: &AssetBox, lines: &[&str], manifest: &Manifest) -> bool {
    let label = match &found.code {
        BoxCode::Class(class) => manifest.taxa.code(*class).unwrap_or("?"),
        BoxCode::UnknownBird(code) | BoxCode::NoBird(code) | BoxCode::Other(code) => code,
    };
    let line = usize::try_from(found.line)
        .ok()
        .and_then(|line| lines.get(line.checked_sub(1)?));
    let mut fields = line.into_iter().flat_map(|line| line.split('\t')).map(str::trim);
    let (mut labelled, mut starts) = (false, false);
    fields.by_ref().for_each(|field| {
        labelled |= field == label;
        // What starts before the recording is cut there.
        starts |= field
            .parse()
            .is_ok_and(|start| nanoseconds(start).max(0) == found.start_ns);
    });
    labelled && starts
}
