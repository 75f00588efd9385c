//! Records the paper's own figures, to be printed beside ours.

/// Test mAP in percent as published: "Merlin L48 Spectrogram Dataset" (NeurIPS 2025, arXiv 2511.00252), main results table.
/// A method, a column, the figure.
const PUBLISHED: [(&str, &str, f64); 31] = [
    ("BCE-Full", "COCO", 76.4),
    ("BCE-AN", "COCO", 64.4),
    ("LS", "COCO", 67.3),
    ("EM", "COCO", 71.1),
    ("LL-R", "COCO", 71.4),
    ("LL-Ct", "COCO", 70.5),
    ("LL-Cp", "COCO", 69.8),
    ("BCE-Full", "L48", 62.4),
    ("BCE-AN", "L48", 52.2),
    ("LS", "L48", 56.4),
    ("EM", "L48", 55.3),
    ("LL-R", "L48", 50.1),
    ("LL-Ct", "L48", 48.0),
    ("LL-Cp", "L48", 43.8),
    ("LS", "+Geo", 57.1),
    ("EM", "+Geo", 56.3),
    ("LL-R", "+Geo", 51.3),
    ("LL-Ct", "+Geo", 48.1),
    ("LL-Cp", "+Geo", 45.8),
    ("LS", "+Checklist", 58.4),
    ("EM", "+Checklist", 57.2),
    ("LL-R", "+Checklist", 52.6),
    ("LL-Ct", "+Checklist", 52.4),
    ("LL-Cp", "+Checklist", 50.6),
    ("BCE-Full", "+R_P", 66.4),
    ("BCE-AN", "+R_P", 56.1),
    ("LS", "+R_P", 56.4),
    ("EM", "+R_P", 55.2),
    ("LL-R", "+R_P", 55.0),
    ("LL-Ct", "+R_P", 54.1),
    ("LL-Cp", "+R_P", 44.4),
];

/// The published test mAP of a method in a column, in percent.
#[must_use]
pub fn published(method: &str, column: &str) -> Option<f64> {
    let found = PUBLISHED
        .iter()
        .find(|(row, head, _)| (*row, *head) == (method, column));
    found.map(|&(_, _, map)| map)
}
