//! Defines `Clip`, one object of `clips.json`: the labels and boxes of a picture.

use std::path::{Component, Path};

use serde::Deserialize;
use shardfmt::{BoxStatus, Taxa};

/// How far past the edge of its picture a box may reach; rounded coordinates do.
const EDGE_TOLERANCE: f64 = 1e-6;
/// Code of the boxes of birds that nobody could name, as the set's documentation has it.
pub const UNKNOWN_BIRD: &str = "Unknown bird";

/// A clip as the set gives it. Labels are class indices, ascending.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clip {
    pub(super) id: i64,
    pub(super) asset_id: i64,
    /// Number of the clip in its recording; there may be gaps.
    pub(super) order: u32,
    /// The picture, relative to the set's folder.
    pub(super) path: String,
    /// Width and height of the picture in pixels.
    pub(super) size: (u32, u32),
    pub(super) present: Vec<u32>,
    /// With the classes that no list names: the published program knows nothing but `unknown` as unknown.
    pub(super) absent: Vec<u32>,
    pub(super) unknown: Vec<u32>,
    /// Classes that no list names.
    pub(super) unlisted: usize,
    pub(super) boxes: Vec<GivenBox>,
}

/// A box whose coordinates are not yet known to be x first or y first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GivenBox {
    /// The species, or an unknown bird.
    pub(super) species_code: String,
    pub(super) status: BoxStatus,
    /// Two edges nearer to the upper left corner, then the two opposite ones, each 0 to 1.
    pub(super) edges: [f64; 4],
}

/// The object as written; keys that are not here are not used.
#[derive(Deserialize)]
pub(super) struct ClipJson {
    id: i64,
    asset_id: i64,
    clip_order: u32,
    file_path: String,
    width: u32,
    height: u32,
    present_species_codes: Vec<String>,
    unknown_species_codes: Vec<String>,
    absent_species_codes: Vec<String>,
    boxes: Vec<BoxJson>,
}

#[derive(Deserialize)]
struct BoxJson {
    species_code: String,
    status: String,
    bbox: [f64; 4],
}

/// Takes key, value and message of each mistake in an object.
pub(super) type Report<'a> = dyn FnMut(&str, &str, String) + 'a;

impl Clip {
    /// Checks an object and reports every mistake in it. `unknown_birds` are codes that boxes may have besides those
    /// of the classes.
    pub(super) fn of(json: ClipJson, taxa: &Taxa, unknown_birds: &[String], report: &mut Report<'_>) -> Clip {
        let mut list_of_class = vec![None; taxa.len()];
        let mut list = |key, codes: &[String]| classes(key, codes, taxa, &mut list_of_class, report);
        let present = list("present_species_codes", &json.present_species_codes);
        let mut absent = list("absent_species_codes", &json.absent_species_codes);
        let unknown = list("unknown_species_codes", &json.unknown_species_codes);
        let unlisted = (0..).zip(&list_of_class).filter(|(_, list)| list.is_none());
        let unlisted: Vec<u32> = unlisted.map(|(class, _)| class).collect();
        absent.extend(&unlisted);
        absent.sort_unstable();
        if !stays_inside(&json.file_path) {
            let message = "expected a path inside the set's folder, such as images/17/0.jpg";
            report("file_path", &json.file_path, message.into());
        }
        let boxes = json.boxes.into_iter().enumerate();
        let boxes = boxes.map(|(number, json)| GivenBox::of(json, number, taxa, unknown_birds, report));
        Clip {
            id: json.id,
            asset_id: json.asset_id,
            order: json.clip_order,
            path: json.file_path,
            size: (json.width, json.height),
            present,
            absent,
            unknown,
            unlisted: unlisted.len(),
            boxes: boxes.collect(),
        }
    }

    /// Whether any box says where a species is heard.
    pub(super) fn has_counting_box(&self) -> bool {
        self.boxes.iter().any(GivenBox::counts)
    }
}

/// The classes that the list at `key` names, ascending; `list_of_class` is the list that each class is in so far.
fn classes(
    key: &'static str,
    codes: &[String],
    taxa: &Taxa,
    list_of_class: &mut [Option<&'static str>],
    report: &mut Report<'_>,
) -> Vec<u32> {
    let mut classes = Vec::with_capacity(codes.len().min(taxa.len()));
    for code in codes {
        let class = taxa.index(code);
        match class.and_then(|class| list_of_class.get_mut(class as usize)) {
            None => report(key, code, "unknown species code: it is not in taxa.csv".into()),
            Some(list) => match list.replace(key) {
                Some(first) => report(key, code, format!("duplicate species code (first in {first})")),
                None => classes.extend(class),
            },
        }
    }
    classes.sort_unstable();
    classes
}

impl GivenBox {
    /// Checks the box at `boxes[number]`.
    fn of(json: BoxJson, number: usize, taxa: &Taxa, unknown_birds: &[String], report: &mut Report<'_>) -> Self {
        if let Err(message) = check_edges(json.bbox) {
            report(&format!("boxes[{number}].bbox"), &format!("{:?}", json.bbox), message);
        }
        if taxa.index(&json.species_code).is_none() && !unknown_birds.contains(&json.species_code) {
            let message = "unknown species code: it is neither in taxa.csv nor named by --unknown-bird";
            let key = format!("boxes[{number}].species_code");
            report(&key, &json.species_code, message.into());
        }
        let status = json.status.parse();
        if status.is_err() {
            let message = "expected one of active, passive, ignore";
            report(&format!("boxes[{number}].status"), &json.status, message.into());
        }
        GivenBox {
            species_code: json.species_code,
            status: status.unwrap_or(BoxStatus::Ignore),
            edges: json.bbox.map(|edge| edge.clamp(0.0, 1.0)),
        }
    }

    /// Whether it is an example of its species.
    pub(super) fn counts(&self) -> bool {
        self.status != BoxStatus::Ignore
    }
}

fn check_edges(edges: [f64; 4]) -> Result<(), String> {
    let inside = -EDGE_TOLERANCE..=1.0 + EDGE_TOLERANCE;
    if !edges.iter().all(|edge| inside.contains(edge)) {
        return Err("is outside the picture: expected edges from 0 to 1".into());
    }
    if edges[0] > edges[2] || edges[1] > edges[3] {
        return Err("ends before it starts: expected the smaller edge of each axis first".into());
    }
    Ok(())
}

/// Whether a relative path names something below where it starts.
fn stays_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::{Value, json};
    use shardfmt::Taxon;

    use super::*;

    fn taxa() -> Taxa {
        let taxon = |code: &str| Taxon {
            species_code: code.into(),
            common_name: None,
            scientific_name: None,
        };
        Taxa::new(["b", "a", "c"].map(taxon).into()).unwrap()
    }

    fn clip() -> Value {
        json!({"id": 70, "asset_id": 7, "clip_order": 2, "file_path": "images/7/2.jpg", "width": 750, "height": 236,
            "present_species_codes": ["a"], "unknown_species_codes": ["c"], "absent_species_codes": ["b"], "new_key": 1,
            "boxes": [{"id": 0, "species_code": "Unknown bird", "status": "ignore", "bbox": [0.1, 0.2, 1.0000001, 0.4]}]})
    }

    /// The clip, and the keys of its mistakes.
    fn checked(json: Value) -> (Clip, Vec<String>) {
        let mut keys = Vec::new();
        let (json, unknown_birds) = (serde_json::from_value(json).unwrap(), [UNKNOWN_BIRD.to_owned()]);
        let clip = Clip::of(json, &taxa(), &unknown_birds, &mut |key, _, _| keys.push(key.into()));
        (clip, keys)
    }

    #[test]
    fn what_no_list_names_is_absent_as_in_the_published_program() {
        let mut partly = clip();
        partly["absent_species_codes"] = json!([]);
        let (clip, mistakes) = checked(partly);
        assert!(mistakes.is_empty());
        assert_eq!((&*clip.absent, &*clip.unknown, clip.unlisted), (&[0][..], &[2][..], 1));
    }

    #[test]
    fn labels_become_classes_and_boxes_keep_species_that_are_none() {
        let (clip, mistakes) = checked(clip());
        assert!(mistakes.is_empty() && clip.unlisted == 0);
        assert_eq!(
            (&*clip.present, &*clip.absent, &*clip.unknown),
            (&[1][..], &[0][..], &[2][..])
        );
        assert_eq!(clip.boxes[0].species_code, "Unknown bird");
        assert_eq!(clip.boxes[0].edges, [0.1, 0.2, 1.0, 0.4]);
        assert!(!clip.has_counting_box());
    }

    #[test]
    fn every_mistake_of_a_clip_is_named() {
        let mut wrong = clip();
        wrong["present_species_codes"] = json!(["a", "zzz", "a"]);
        wrong["absent_species_codes"] = json!(["a"]);
        wrong["file_path"] = json!("images/../../secret.jpg");
        wrong["boxes"] = json!([
            {"species_code": "a", "status": "loud", "bbox": [0.1, 0.2, 0.3, 0.4]},
            {"species_code": "a", "status": "active", "bbox": [0.1, 0.2, 0.3, 1.1]},
            {"species_code": "a", "status": "active", "bbox": [0.1, 0.5, 0.3, 0.4]},
            {"species_code": "unknown bird", "status": "active", "bbox": [0.1, 0.2, 0.3, 0.4]},
        ]);
        let (_, mistakes) = checked(wrong);
        assert_eq!(
            mistakes,
            [
                "present_species_codes",
                "present_species_codes",
                "absent_species_codes",
                "file_path",
                "boxes[0].status",
                "boxes[1].bbox",
                "boxes[2].bbox",
                "boxes[3].species_code"
            ]
        );
        for path in ["", "/etc/passwd", "..", "images/../x.jpg", "."] {
            assert!(!stays_inside(path), "{path}");
        }
    }
}
