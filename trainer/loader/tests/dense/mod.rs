//! Labels and masks kept as matrices, a byte for each clip and class: how they were kept first, now the oracle of the
//! short lists.

use std::collections::{HashMap, HashSet};

use loader::{Filters, Lacking, Mode, Report, Rows};
use shardfmt::{GeoPrior, Label, LabelRow, PriorRow, Split};

/// A clip with what is known of every class.
struct Clip<'a> {
    row: &'a LabelRow,
    known: Vec<Label>,
}

impl Clip<'_> {
    fn is_whole(&self) -> bool {
        self.known.iter().all(|label| label.is_known())
    }

    fn is_present(&self, class: u32) -> bool {
        self.known[class as usize].is_present()
    }
}

/// Classes that the priors of a recording rule out, ascending.
#[derive(Default)]
struct Prior {
    geo: Option<Vec<u32>>,
    checklist: Option<Vec<u32>>,
    has_checklist: bool,
}

impl Prior {
    fn new(row: &PriorRow, classes: u32) -> Self {
        let without = |listed: &[u32]| (0..classes).filter(|class| !listed.contains(class)).collect();
        let geo = row.geo_possible.as_ref().map(|_| {
            let geo = GeoPrior::new(row, classes);
            (0..classes).filter(|class| geo.rules_out(*class)).collect()
        });
        let complete = row.checklist_complete == Some(true);
        Self {
            geo,
            checklist: row.checklist_observed.as_deref().filter(|_| complete).map(without),
            has_checklist: row.checklist_observed.is_some(),
        }
    }

    fn negatives(&self, mode: Mode) -> Vec<u32> {
        let geo = self.geo.iter().flatten();
        let checklist = self.checklist.iter().flatten();
        match mode {
            Mode::Target | Mode::Full => Vec::new(),
            Mode::Geo => geo.copied().collect(),
            Mode::Checklist => geo.chain(checklist).copied().collect(),
        }
    }
}

/// A selection: what `Supervision` says, as matrices.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Matrices {
    /// Recording and number of each clip.
    pub(crate) clips: Vec<(i64, u32)>,
    pub(crate) labels: Vec<u8>,
    pub(crate) mask: Vec<u8>,
    pub(crate) report: Report,
}

fn mask(mode: Mode, clip: &Clip<'_>, prior: &Prior) -> Vec<u8> {
    if mode == Mode::Full {
        return clip.known.iter().map(|label| u8::from(label.is_known())).collect();
    }
    let mut mask = vec![0; clip.known.len()];
    for class in prior.negatives(mode) {
        mask[class as usize] = 1;
    }
    if let Some(target) = clip.row.target {
        mask[target as usize] = clip.is_present(target).into();
    }
    mask
}

fn lacking<'a>(kept: &[&'a Clip<'a>], is_lacking: impl Fn(&Clip<'_>) -> bool) -> Lacking {
    let clips: Vec<_> = kept.iter().filter(|clip| is_lacking(clip)).collect();
    Lacking {
        clips: clips.len() as u64,
        assets: clips.iter().map(|clip| clip.row.asset_id).collect::<HashSet<_>>().len() as u64,
    }
}

/// The clips of `split` as `mode` and `filters` show them, whether or not there are any.
pub(crate) fn select(
    classes: u32,
    labels: &[LabelRow],
    priors: &[PriorRow],
    (split, mode, rows): (Split, Mode, Rows),
    filters: &Filters,
) -> Matrices {
    let geo: HashMap<i64, GeoPrior> = priors
        .iter()
        .map(|prior| (prior.asset_id, GeoPrior::new(prior, classes)))
        .collect();
    let of_asset: HashMap<i64, Prior> = priors
        .iter()
        .map(|prior| (prior.asset_id, Prior::new(prior, classes)))
        .collect();
    let (no_geo, no_prior) = (GeoPrior::default(), Prior::default());
    let prior = |clip: &Clip<'_>| of_asset.get(&clip.row.asset_id).unwrap_or(&no_prior);
    let clip = |row| {
        let row: &LabelRow = row;
        let mut known = vec![Label::Unknown; classes as usize];
        row.fill(geo.get(&row.asset_id).unwrap_or(&no_geo), &mut known).unwrap();
        Clip { row, known }
    };
    let clips: Vec<Clip<'_>> = labels.iter().filter(|row| row.split == split).map(clip).collect();
    let mut all = Matrices::default();
    let (mut kept, report) = (Vec::new(), &mut all.report);
    for clip in &clips {
        report.split_clips += 1;
        let is_silent = clip.row.silent && !filters.keep_silent;
        if clip.is_whole() && !is_silent {
            report.fully_annotated += 1;
            report.present_in_those += clip.known.iter().filter(|label| label.is_present()).count() as u64;
        }
        let decides = if rows == Rows::Common { Mode::Target } else { mode };
        let deciding = mask(decides, clip, prior(clip));
        let is_positive = |(label, known): (&Label, &u8)| label.is_present() && *known == 1;
        if is_silent {
            report.silent += 1;
        } else if filters.remove_unannotated && !deciding.contains(&1) {
            report.unannotated += 1;
        } else if filters.remove_empty && !clip.known.iter().zip(&deciding).any(is_positive) {
            report.empty += 1;
        } else {
            let mask = mask(mode, clip, prior(clip));
            let shown = clip.known.iter().zip(&mask);
            all.labels
                .extend(shown.map(|(label, known)| known * u8::from(label.is_present())));
            all.mask.extend(mask);
            all.clips.push((clip.row.asset_id, clip.row.clip_index));
            let negatives: HashSet<u32> = prior(clip).negatives(mode).into_iter().collect();
            report.prior_conflicts += negatives.iter().filter(|class| clip.is_present(**class)).count() as u64;
            kept.push(clip);
        }
    }
    let ones = |matrix: &[u8]| matrix.iter().map(|&entry| u64::from(entry)).sum::<u64>();
    report.known_positives = ones(&all.labels);
    report.known_negatives = ones(&all.mask) - ones(&all.labels);
    report.kept = lacking(&kept, |_| true);
    if matches!(mode, Mode::Geo | Mode::Checklist) {
        report.without_geo = lacking(&kept, |clip| prior(clip).geo.is_none());
    }
    if mode == Mode::Checklist {
        report.without_checklist = lacking(&kept, |clip| !prior(clip).has_checklist);
        report.incomplete_checklist = lacking(&kept, |clip| {
            prior(clip).has_checklist && prior(clip).checklist.is_none()
        });
    }
    all
}
