//! Records the paper's own figures, to be printed beside ours.

/// Head of the paper's row of averages, which is over methods it does not all list: the mean of those it lists is 69.1
/// on COCO and 51.0 on L48.
pub(super) const PAPERS_AVERAGE: &str = "average of the paper";

/// Test mAP in percent as published: "Merlin L48 Spectrogram Dataset" (NeurIPS 2025, arXiv 2511.00252), main results
/// table. A method, a column, the figure. The average is the table's own last row.
const PUBLISHED: [(&str, &str, f64); 36] = [
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
    (PAPERS_AVERAGE, "COCO", 68.4),
    (PAPERS_AVERAGE, "L48", 51.5),
    (PAPERS_AVERAGE, "+Geo", 52.2),
    (PAPERS_AVERAGE, "+Checklist", 54.0),
    (PAPERS_AVERAGE, "+R_P", 53.9),
];

/// The published test mAP of a method in a column, in percent.
#[must_use]
pub fn published(method: &str, column: &str) -> Option<f64> {
    let found = PUBLISHED
        .iter()
        .find(|(row, head, _)| (*row, *head) == (method, column));
    found.map(|&(_, _, map)| map)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's table as it is printed there, row by row.
    const TABLE: &str = "
        |                      | COCO | L48  | +Geo | +Checklist | +R_P |
        | BCE-Full             | 76.4 | 62.4 | –    | –          | 66.4 |
        | BCE-AN               | 64.4 | 52.2 | –    | –          | 56.1 |
        | LS                   | 67.3 | 56.4 | 57.1 | 58.4       | 56.4 |
        | EM                   | 71.1 | 55.3 | 56.3 | 57.2       | 55.2 |
        | LL-R                 | 71.4 | 50.1 | 51.3 | 52.6       | 55.0 |
        | LL-Ct                | 70.5 | 48.0 | 48.1 | 52.4       | 54.1 |
        | LL-Cp                | 69.8 | 43.8 | 45.8 | 50.6       | 44.4 |
        | average of the paper | 68.4 | 51.5 | 52.2 | 54.0       | 53.9 |";

    #[test]
    fn every_figure_is_the_printed_one() {
        let cells = |line: &'static str| line.split('|').map(str::trim).filter(|cell| !cell.is_empty());
        let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty());
        let heads: Vec<&str> = lines.next().into_iter().flat_map(cells).collect();
        let mut figures = 0;
        for line in lines {
            let mut row = cells(line);
            let method = row.next().unwrap_or_default();
            for (column, cell) in heads.iter().zip(row) {
                assert_eq!(published(method, column), cell.parse().ok(), "{method} {column}");
                figures += usize::from(cell != "–");
            }
        }
        assert_eq!(figures, PUBLISHED.len());
    }
}
