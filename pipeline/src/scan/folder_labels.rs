//! Provides the labels that folders give: one folder for each class, as people sort clips to train a classifier.

/// Whether folders are labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FolderLabels {
    /// They are not.
    #[default]
    None,
    /// The first folder below the scanned one is what is heard in its recordings.
    Folders,
}

/// Folders without any class (BirdNET-Analyzer 2.4.0, `train/utils.py`).
const NO_CLASS: [&str; 4] = ["noise", "other", "background", "silence"];

/// What a folder says of its recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Labels that are heard.
    pub(super) heard: Vec<String>,
    /// Labels that are not, written `-A`.
    pub(super) not_heard: Vec<String>,
}

/// The labels of a recording by its path below the scanned folder: `A,B` are two, `-A` is one that is not heard. `None`
/// for a recording that is in no folder.
pub(super) fn of_path(below: &str) -> Option<Heard> {
    let (folder, _) = below.split_once('/')?;
    let mut labels = Heard::default();
    for label in folder.split(',').map(str::trim).filter(|label| !label.is_empty()) {
        let (list, label) = match label.strip_prefix('-').map(str::trim) {
            Some(label) => (&mut labels.not_heard, label),
            None => (&mut labels.heard, label),
        };
        let is_class = !label.is_empty() && !NO_CLASS.contains(&label.to_lowercase().as_str());
        if is_class && !list.iter().any(|known| known == label) {
            list.push(label.to_owned());
        }
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_every_kind() {
        for (path, expected) in [
            ("Great Tit/x.wav", Some((&["Great Tit"][..], &[][..]))),
            ("A, B,A/1/x.wav", Some((&["A", "B"], &[]))),
            ("-A/x.wav", Some((&[], &["A"]))),
            ("A,-B/x.wav", Some((&["A"], &["B"]))),
            ("Noise/x.wav", Some((&[], &[]))),
            ("background/x.wav", Some((&[], &[]))),
            ("x.wav", None),
        ] {
            let expected = expected.map(|(heard, not_heard)| Heard {
                heard: heard.iter().map(|label| (*label).to_owned()).collect(),
                not_heard: not_heard.iter().map(|label| (*label).to_owned()).collect(),
            });
            assert_eq!(of_path(path), expected, "{path}");
        }
    }
}
