//! Measures the table against labels that training does not see: whether a group says anything about its clips.

use loader::Labels;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::AssetTable;
use crate::error::Result;
use crate::metric::{precision_of_highest, roc_auc};

/// Share of the hidden entries, those of highest belief, whose precision is measured.
const HIGHEST_SHARE: f64 = 0.05;
/// Rows whose beliefs are looked up at a time.
const BLOCK: usize = 1024;
/// Hidden entries that are measured at most: of more, rows are left out evenly.
const MOST_ENTRIES: usize = 1 << 25;

/// How well the table tells hidden positives from hidden negatives: entries that are unknown to training, and whose
/// truth the dataset has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableQuality {
    /// Mean, over classes with both, of the probability that a hidden positive is believed more than a hidden negative
    /// of the same class; ties count half. `None` without such a class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auc: Option<f64>,
    /// Share of positives among the 5 % of all hidden entries with the highest beliefs.
    pub precision: f64,
    /// Share of positives among all hidden entries: the precision of guessing.
    pub prevalence: f64,
    /// Hidden entries measured.
    pub entries: u64,
}

/// Measures `table` on the training rows: `shown` is what training sees of them, `whole` all that is known. `None` if
/// nothing known is hidden.
///
/// # Errors
/// Errors of libtorch.
pub fn quality(table: &AssetTable, shown: &Labels, whole: &Labels) -> Result<Option<TableQuality>> {
    let classes = shown.classes().max(1);
    let step = (shown.rows() * classes).div_ceil(MOST_ENTRIES).max(1);
    let rows: Vec<u32> = (0..u32::try_from(shown.rows()).unwrap_or(u32::MAX))
        .step_by(step)
        .collect();
    let mut hidden: Vec<Vec<(f32, bool)>> = vec![Vec::new(); classes];
    let [mut labels, mut mask, mut truth, mut known] = [(); 4].map(|()| vec![0_u8; classes]);
    for block in rows.chunks(BLOCK) {
        let beliefs = table.beliefs(&table.table_rows(block)?)?;
        let beliefs = beliefs.f_to_kind(Kind::Float)?.f_to_device(tch::Device::Cpu)?;
        let beliefs = Vec::<f32>::try_from(&Tensor::f_flatten(&beliefs, 0, -1)?)?;
        for (&row, beliefs) in block.iter().zip(beliefs.chunks_exact(classes)) {
            shown.write(row as usize, &mut labels, &mut mask);
            whole.write(row as usize, &mut truth, &mut known);
            let entries = mask.iter().zip(&known).zip(truth.iter().zip(beliefs));
            for (of_class, ((&shown, &known), (&truth, &belief))) in hidden.iter_mut().zip(entries) {
                if shown == 0 && known != 0 {
                    of_class.push((belief, truth != 0));
                }
            }
        }
    }
    let aucs: Vec<f64> = hidden.iter().filter_map(|of_class| roc_auc(of_class)).collect();
    let all = hidden.concat();
    let positives = all.iter().filter(|(_, positive)| *positive).count();
    let Some(precision) = precision_of_highest(&all, HIGHEST_SHARE) else {
        return Ok(None);
    };
    Ok(Some(TableQuality {
        auc: (!aucs.is_empty()).then(|| aucs.iter().sum::<f64>() / aucs.len() as f64),
        precision,
        prevalence: positives as f64 / all.len() as f64,
        entries: all.len() as u64,
    }))
}
