//! Provides the target that reads Parquet tables.

use std::fmt::Debug;
use std::path::Path;

use shardfmt::{
    FileEntry, LabelForm, Result, TableForm, Taxa, Taxon, read_assets, read_labels, read_priors, read_rejects,
    read_taxa, write_assets, write_labels, write_priors, write_rejects, write_taxa,
};

/// Most rows that are written again.
const MAX_ROWS: usize = 4096;

/// Reads `data` as every kind of table that it names itself. What reads must write, and read back as the same rows.
pub fn sidecar_tables(data: &[u8]) {
    let folder = tempfile::tempdir();
    let Some(folder) = folder
        .ok()
        .filter(|folder| std::fs::write(folder.path().join("t"), data).is_ok())
    else {
        return;
    };
    let (file, copy) = (folder.path().join("t"), folder.path().join("copy"));
    let (file, copy) = (file.as_path(), copy.as_path());
    let taxa = classes();
    let names = |kind: &str| data.windows(kind.len()).any(|window| window == kind.as_bytes());
    if names("taxa/1") {
        check(
            file,
            copy,
            |path| read_taxa(path).map(|taxa| taxa.iter().cloned().collect()),
            |path, rows: &[Taxon]| write_taxa(path, &Taxa::new(rows.to_vec())?),
        );
    }
    if names("labels/1") {
        check(
            file,
            copy,
            |path| read_labels(path, &taxa, LabelForm::Listed),
            |path, rows| write_labels(path, &taxa, LabelForm::Listed, rows),
        );
        check(
            file,
            copy,
            |path| read_labels(path, &taxa, LabelForm::Implied),
            |path, rows| write_labels(path, &taxa, LabelForm::Implied, rows),
        );
        check(
            file,
            copy,
            |path| read_labels(path, &taxa, with_heard(LabelForm::Listed)),
            |path, rows| write_labels(path, &taxa, with_heard(LabelForm::Listed), rows),
        );
    }
    if names("priors/1") {
        check(
            file,
            copy,
            |path| read_priors(path, &taxa),
            |path, rows| write_priors(path, &taxa, rows),
        );
    }
    if names("assets/1") {
        check(
            file,
            copy,
            |path| read_assets(path, &taxa, LabelForm::Listed),
            |path, rows| write_assets(path, &taxa, LabelForm::Listed, rows),
        );
        check(
            file,
            copy,
            |path| read_assets(path, &taxa, with_heard(LabelForm::Listed)),
            |path, rows| write_assets(path, &taxa, with_heard(LabelForm::Listed), rows),
        );
    }
    if names("rejects/1") {
        check(file, copy, read_rejects, write_rejects);
    }
}

/// The form of a dataset that says what was heard in its recordings.
fn with_heard(labels: LabelForm) -> TableForm {
    TableForm { labels, heard: true }
}

fn check<R: Debug + PartialEq>(
    file: &Path,
    copy: &Path,
    read: impl Fn(&Path) -> Result<Vec<R>>,
    write: impl Fn(&Path, &[R]) -> Result<FileEntry>,
) {
    let Ok(rows) = read(file) else { return };
    if rows.len() > MAX_ROWS {
        return;
    }
    let written = write(copy, &rows);
    assert!(written.is_ok(), "rows that were read cannot be written: {written:?}");
    let again = read(copy);
    assert!(
        again.as_ref().is_ok_and(|again| *again == rows),
        "{rows:?} came back as {again:?}"
    );
}

/// The classes of the golden dataset, whose tables are the seeds.
fn classes() -> Taxa {
    let taxon = |code: &str| Taxon {
        species_code: code.into(),
        common_name: None,
        scientific_name: None,
    };
    Taxa::new(["comrav", "eurrob1", "x-noise"].map(taxon).into()).unwrap_or_default()
}
