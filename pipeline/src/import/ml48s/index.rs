//! Provides `Index`, where each clip is in `clips.json`, grouped by asset, from one pass over the file.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use shardfmt::checksum::FileHash;
use shardfmt::{Taxa, Xxh3};

use super::assets::Asset;
use super::clip::{Clip, ClipJson};
use crate::import::json_file::{ItemPlace, read_items};
use crate::tables::Problems;

/// Where a clip is, and its picture: about 100 bytes with the text of the path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Position in `clips.json`, from 0.
    pub(super) source_index: i64,
    /// First byte in `clips.json`.
    pub(super) offset_bytes: u64,
    /// Its length there.
    pub(super) bytes: usize,
    /// Hash of these bytes: they are read again when the clip is.
    pub(super) xxh3: Xxh3,
    /// The picture, relative to the set's folder.
    pub(super) path: Box<str>,
    pub(super) has_counting_box: bool,
}

/// All clips, those of an asset beside each other: assets in the order of their first clips, the clips of each in
/// file order.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) clips: Vec<Entry>,
    /// Number of each asset in `assets.json` that has clips, with its clips.
    pub(super) assets: Vec<(usize, Range<usize>)>,
    /// Clips that list not every class, and the classes that they leave out.
    pub(super) partly_listed: u64,
    pub(super) unlisted: u64,
    /// Clips whose picture is not in the folder of their asset, `images/ASSET`.
    pub(super) elsewhere: u64,
    /// Clips whose picture an earlier clip has too.
    pub(super) shared: u64,
    /// The file's hash; `None` when it could not be read to its end.
    pub(super) hash: Option<FileHash>,
}

impl Index {
    /// Reads and checks the whole file. `unknown_birds` are codes that boxes may have besides those of the classes.
    pub(super) fn read(
        file: &Path,
        taxa: &Taxa,
        unknown_birds: &[String],
        assets: &[Asset],
        problems: &mut Problems,
    ) -> Index {
        let numbers: HashMap<i64, usize> = assets.iter().map(|asset| asset.id).zip(0..).collect();
        // The rank of an asset is the number of assets that have a clip before its first.
        let mut ranks: HashMap<usize, usize> = HashMap::new();
        let mut ranked: Vec<(usize, Entry)> = Vec::new();
        let (mut ids, mut orders, mut pictures) = (HashSet::new(), HashSet::new(), HashSet::new());
        let (mut partly_listed, mut unlisted, mut elsewhere, mut shared) = (0, 0, 0, 0);
        let hash = read_items(
            file,
            problems,
            |place: ItemPlace<'_>, json: ClipJson, problems: &mut Problems| {
                let clip = Clip::of(json, taxa, unknown_birds, &mut |key, value, message| {
                    place.problem(problems, key, value, message);
                });
                if !ids.insert(clip.id) {
                    place.problem(problems, "id", &clip.id.to_string(), "duplicate id");
                }
                if !orders.insert((clip.asset_id, clip.order)) {
                    let message = format!("duplicate clip_order of asset {}", clip.asset_id);
                    place.problem(problems, "clip_order", &clip.order.to_string(), message);
                }
                // The hash of a path, so that a clip takes 8 bytes here.
                shared += u64::from(!pictures.insert(Xxh3::of(clip.path.as_bytes())));
                elsewhere += u64::from(!is_of_asset(&clip.path, clip.asset_id));
                partly_listed += u64::from(clip.unlisted > 0);
                unlisted += clip.unlisted as u64;
                let Some(&number) = numbers.get(&clip.asset_id) else {
                    let message = "assets.json has no such asset";
                    return place.problem(problems, "asset_id", &clip.asset_id.to_string(), message);
                };
                let next_rank = ranks.len();
                let entry = Entry {
                    source_index: place.item.number.cast_signed(),
                    offset_bytes: place.item.offset_bytes,
                    bytes: place.item.text.len(),
                    xxh3: Xxh3::of(place.item.text),
                    has_counting_box: clip.has_counting_box(),
                    path: clip.path.into(),
                };
                ranked.push((*ranks.entry(number).or_insert(next_rank), entry));
            },
        );
        // Stable: the clips of an asset keep their order.
        ranked.sort_by_key(|(rank, _)| *rank);
        let mut by_rank: Vec<(usize, usize)> = ranks.into_iter().map(|(number, rank)| (rank, number)).collect();
        by_rank.sort_unstable();
        let mut start = 0;
        let assets = by_rank.into_iter().map(|(rank, number)| {
            let clips = ranked.iter().skip(start).take_while(|(of, _)| *of == rank).count();
            let range = start..start + clips;
            start = range.end;
            (number, range)
        });
        Index {
            assets: assets.collect(),
            clips: ranked.into_iter().map(|(_, entry)| entry).collect(),
            partly_listed,
            unlisted,
            elsewhere,
            shared,
            hash,
        }
    }
}

/// Whether a picture lies in the folder that the set's documentation names for the asset.
fn is_of_asset(picture: &str, asset_id: i64) -> bool {
    let folder = Path::new(picture).parent().and_then(Path::file_name);
    folder.is_some_and(|name| name.to_str() == Some(&asset_id.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::{Value, json};
    use shardfmt::{Split, Taxon};

    use super::*;

    fn clip(id: i64, asset_id: i64) -> Value {
        json!({"id": id, "asset_id": asset_id, "clip_order": id, "file_path": format!("images/{asset_id}/{id}.jpg"),
            "width": 750, "height": 236, "boxes": [], "present_species_codes": ["a"], "unknown_species_codes": [],
            "absent_species_codes": []})
    }

    fn lies_there(mut clip: Value, picture: &str) -> Value {
        clip["file_path"] = picture.into();
        clip
    }

    fn index(clips: &[Value]) -> (String, Index, Problems) {
        let asset = |id| Asset {
            id,
            split: Split::Train,
            given_split: Split::Train,
            target: None,
            possible: None,
            observed: None,
        };
        let taxon = |code: &str| Taxon {
            species_code: code.into(),
            common_name: None,
            scientific_name: None,
        };
        let (folder, mut problems) = (tempfile::tempdir().unwrap(), Problems::default());
        let (file, text) = (
            folder.path().join("clips.json"),
            serde_json::to_string_pretty(clips).unwrap(),
        );
        std::fs::write(&file, &text).unwrap();
        let taxa = Taxa::new(vec![taxon("a"), taxon("b")]).unwrap();
        let index = Index::read(&file, &taxa, &[], &[5, 7, 9].map(asset), &mut problems);
        (text, index, problems)
    }

    #[test]
    fn clips_are_grouped_by_asset_and_keep_their_order() {
        let (text, index, problems) = index(&[clip(4, 9), clip(2, 5), clip(8, 9), clip(1, 5), clip(0, 9)]);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(index.assets, [(2, 0..3), (0, 3..5)]);
        let order: Vec<i64> = index.clips.iter().map(|entry| entry.source_index).collect();
        assert_eq!(order, [0, 2, 4, 1, 3]);
        assert_eq!((index.partly_listed, index.unlisted), (5, 5));
        assert_eq!(index.hash.unwrap().bytes, text.len() as u64);
        let entry = &index.clips[1];
        let item = &text[entry.offset_bytes as usize..][..entry.bytes];
        assert_eq!(serde_json::from_str::<Value>(item).unwrap()["id"], 8);
        assert_eq!(Xxh3::of(item.as_bytes()), entry.xxh3);
    }

    #[test]
    fn mistakes_have_their_place_and_do_not_hide_each_other() {
        let mut no_order = clip(3, 5);
        no_order.as_object_mut().unwrap().remove("clip_order");
        let (_, read, problems) = index(&[
            clip(1, 5),
            clip(1, 5),
            clip(2, 6),
            no_order,
            lies_there(clip(3, 7), "images/5/1.jpg"),
        ]);
        assert_eq!((read.elsewhere, read.shared), (1, 2));
        let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let expected = [
            "[1].id = \"1\": duplicate id",
            "[1].clip_order = \"1\": duplicate clip_order of asset 5",
            "[2].asset_id = \"6\": assets.json has no such asset",
            "[3]: missing field `clip_order`",
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
        let lines: Vec<u64> = problems.iter().filter_map(|problem| problem.first.line).collect();
        assert!(lines.is_sorted() && lines[0] > 10, "{lines:?}");
    }
}
