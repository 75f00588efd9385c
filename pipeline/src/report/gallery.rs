//! Chooses the clips that a report shows, and lays out each: the picture, its boxes as frames, its labels.

use shardfmt::{BoxStatus, Checks, ClipBox, Dataset, LabelRow, Row0, Taxa, Xxh3};

use super::html::{Html, escape};
use super::picture::data_uri;
use crate::error::Result;

/// Classes that get a picture of a clip, those with the most clips first.
const CLASSES_SHOWN: usize = 24;
/// Boxes drawn into a picture.
const BOXES_SHOWN: usize = 12;
/// Colours of boxes on the dark image, one a class in turn.
const COLOURS: [&str; 6] = ["#00ffff", "#7fff00", "#ffff00", "#ffffff", "#ff9f40", "#ee82ee"];
/// Share of a picture's height that a name takes: that of a box nearer to the top stands in it, not above.
const NAME_HEIGHT: f32 = 0.08;
/// Colour of a box that is ignored, or of no class.
const NO_CLASS: &str = "#c0c0c0";

/// A clip to show.
pub(super) struct Shot {
    /// Its shard, and its row there.
    place: (u32, u32),
    /// Above the labels.
    heading: String,
    /// Recording, clip, start.
    what: String,
    boxes: Vec<ClipBox>,
    present: Vec<u32>,
}

impl Shot {
    /// The clip of `row`.
    pub(super) fn of(row: &LabelRow, heading: String) -> Self {
        Self {
            place: (row.shard, row.row),
            heading,
            what: format!(
                "asset {}, clip {} at {:.1} s, {}",
                row.asset_id, row.clip_index, row.start_s, row.split
            ),
            boxes: row.boxes.iter().take(BOXES_SHOWN).cloned().collect(),
            present: row.present.clone(),
        }
    }

    /// The clip as a figure with the picture at `address`.
    fn figure(&self, taxa: &Taxa, row_0: Row0, address: &str) -> String {
        let names: Vec<String> = self.present.iter().map(|&class| name(taxa, class)).collect();
        let labels = match names.is_empty() {
            true => "nothing known to be heard".to_owned(),
            false => format!("heard: {}", names.join(", ")),
        };
        let (what, labels) = (escape(&self.what), escape(&labels));
        let mut figure =
            format!("<figure><div class=\"clip\"><img src=\"{address}\" alt=\"{what}: {labels}\" loading=\"lazy\">");
        for found in &self.boxes {
            figure.push_str(&frame(found, taxa, row_0));
        }
        figure.push_str(&format!(
            "</div><figcaption><b>{}</b>{labels}<br><small>{what}</small></figcaption></figure>\n",
            escape(&self.heading)
        ));
        figure
    }
}

/// A box as a frame over the picture.
fn frame(found: &ClipBox, taxa: &Taxa, row_0: Row0) -> String {
    let class = taxa.index(&found.species_code);
    let is_ignored = found.status == BoxStatus::Ignore;
    let colour = match class {
        Some(class) if !is_ignored => COLOURS.get(class as usize % COLOURS.len()).copied(),
        _ => None,
    };
    let (low, high) = (found.y_min.unwrap_or(0.0), found.y_max.unwrap_or(1.0));
    let top = if row_0 == Row0::Lowest { 1.0 - high } else { low };
    let name = escape(&class.map_or_else(|| found.species_code.clone(), |class| name(taxa, class)));
    format!(
        "<span class=\"{}\" title=\"{name}\" style=\"left:{:.2}%;top:{:.2}%;width:{:.2}%;height:{:.2}%;\
         border-color:{}\"><i{}>{name}</i></span>",
        if is_ignored { "box ignored" } else { "box" },
        100.0 * found.x_min,
        100.0 * top,
        100.0 * (found.x_max - found.x_min),
        100.0 * (high - low),
        colour.unwrap_or(NO_CLASS),
        if top < NAME_HEIGHT { " class=\"inside\"" } else { "" },
    )
}

/// The name of a class that people know, else its code.
pub(super) fn name(taxa: &Taxa, class: u32) -> String {
    let taxon = taxa.iter().nth(class as usize);
    taxon.map_or_else(String::new, |taxon| {
        taxon.common_name.as_ref().unwrap_or(&taxon.species_code).clone()
    })
}

/// A clip of each class, chosen while the labels are walked over.
pub(super) struct Gallery {
    /// By class: clips where it is present, and of these the one chosen with its rank.
    classes: Vec<(u64, Option<(Rank, Shot)>)>,
}

/// The lowest is chosen: a clip with a box of the class before others, else by lot, the same at every report.
type Rank = (bool, u64);

impl Gallery {
    /// Nothing chosen yet.
    pub(super) fn new(taxa: &Taxa) -> Self {
        Self {
            classes: taxa.iter().map(|_| (0, None)).collect(),
        }
    }

    /// Takes the clip of `row` for the classes of which it is the best so far.
    pub(super) fn consider(&mut self, row: &LabelRow, taxa: &Taxa) {
        let mut key = row.asset_id.to_le_bytes().to_vec();
        key.extend(row.clip_index.to_le_bytes());
        let Xxh3(lot) = Xxh3::of(&key);
        for &class in &row.present {
            let Some((clips, chosen)) = self.classes.get_mut(class as usize) else {
                continue;
            };
            *clips += 1;
            let is_of_class =
                |found: &ClipBox| found.status != BoxStatus::Ignore && taxa.index(&found.species_code) == Some(class);
            let rank = (!row.boxes.iter().any(is_of_class), lot);
            if chosen.as_ref().is_none_or(|(best, _)| rank < *best) {
                *chosen = Some((rank, Shot::of(row, String::new())));
            }
        }
    }

    /// The clips chosen for the classes with the most clips, each headed by its class.
    pub(super) fn into_shots(self, taxa: &Taxa) -> Vec<Shot> {
        let mut classes: Vec<_> = self.classes.into_iter().zip(0..).collect();
        classes.sort_by_key(|((clips, _), class)| (std::cmp::Reverse(*clips), *class));
        let shown = classes
            .into_iter()
            .take(CLASSES_SHOWN)
            .filter_map(|((clips, chosen), class)| {
                let (_, shot) = chosen?;
                let heading = format!("{} ({clips} clips)", name(taxa, class));
                Some(Shot { heading, ..shot })
            });
        shown.collect()
    }
}

/// Adds the pictures of `shots` to the page.
///
/// # Errors
/// A damaged shard or record.
pub(super) fn show(html: &mut Html, dataset: &Dataset, shots: &[Shot]) -> Result<()> {
    let row_0 = dataset.head().axes.row_0;
    html.raw("<div class=\"gallery\">\n");
    for shot in shots {
        let (shard, row) = shot.place;
        let address = data_uri(dataset, &dataset.open_shard(shard, Checks::FirstTouch)?, row)?;
        html.raw(&shot.figure(dataset.taxa(), row_0, &address));
    }
    html.raw("</div>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use shardfmt::Taxon;

    use super::*;

    #[test]
    fn a_frame_lies_where_its_box_is_seen() {
        let taxon = Taxon {
            species_code: "woothr".to_owned(),
            common_name: Some("Wood <Thrush>".to_owned()),
            scientific_name: None,
        };
        let taxa = Taxa::new(vec![taxon]).unwrap();
        let found = ClipBox {
            species_code: "woothr".to_owned(),
            status: BoxStatus::Active,
            start_s: 0.0,
            end_s: 1.5,
            low_hz: Some(0.0),
            high_hz: Some(4000.0),
            x_min: 0.25,
            x_max: 0.75,
            y_min: Some(0.1),
            y_max: Some(0.3),
        };
        let at = |row_0| frame(&found, &taxa, row_0);
        assert!(at(Row0::Lowest).contains("left:25.00%;top:70.00%;width:50.00%;height:20.00%"));
        assert!(at(Row0::Highest).contains("top:10.00%"));
        assert!(at(Row0::Highest).contains("Wood &lt;Thrush&gt;"));
        let other = ClipBox {
            status: BoxStatus::Ignore,
            species_code: "x".to_owned(),
            ..found.clone()
        };
        assert!(frame(&other, &taxa, Row0::Lowest).contains(NO_CLASS));
    }
}
