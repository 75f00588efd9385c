//! Defines the rows of a batch's clips in a table of groups, in rounds in which every row stands once.

use tch::{Device, Tensor};

use crate::batch::upload;
use crate::error::Result;

/// The rows of a batch's clips in a table of groups.
pub struct TableRows {
    /// Table row of each clip of the batch.
    pub(crate) rows: Tensor,
    /// Training row of each clip of the batch.
    pub(crate) clips: Tensor,
    /// In each round every table row once, so that groups with several clips are updated in batch order.
    pub(crate) rounds: Vec<Round>,
}

/// Clips of a batch, no two of one group.
pub(crate) struct Round {
    /// Their positions in the batch.
    pub(crate) positions: Tensor,
    /// Their table rows.
    pub(crate) rows: Tensor,
    /// Their training rows.
    pub(crate) clips: Tensor,
}

impl TableRows {
    /// The table rows and training rows of a batch, both in its order.
    pub(crate) fn new(table_rows: &[i64], clips: &[i64], device: Device) -> Result<Self> {
        let mut rounds: Vec<[Vec<i64>; 3]> = Vec::new();
        for (position, (row, clip)) in (0..).zip(table_rows.iter().zip(clips)) {
            let round = rounds.iter_mut().find(|[_, rows, _]| !rows.contains(row));
            match round {
                Some([positions, rows, clips]) => {
                    positions.push(position);
                    rows.push(*row);
                    clips.push(*clip);
                }
                None => rounds.push([vec![position], vec![*row], vec![*clip]]),
            }
        }
        let place = |numbers: &[i64]| upload(numbers, device);
        let rounds = rounds.iter().map(|[positions, rows, clips]| {
            Ok(Round {
                positions: place(positions)?,
                rows: place(rows)?,
                clips: place(clips)?,
            })
        });
        Ok(Self {
            rows: place(table_rows)?,
            clips: place(clips)?,
            rounds: rounds.collect::<Result<_>>()?,
        })
    }
}
