//! Defines the boxes of a clip, a list of structs in the label table.

use crate::table;
use crate::table::{Fault, Text};
use crate::taxa::Taxa;
use crate::words::BoxStatus;

table! {
    /// A stretch of time, and perhaps of frequency, in which an annotator heard a species; cut to the clip.
    #[derive(Clone, Debug, PartialEq)]
    pub struct ClipBox {
        /// Species as annotated; it need not be one of the dataset's classes.
        species_code: String,
        /// What the annotator said of it.
        status: BoxStatus as Text,
        /// Start in seconds in the recording, not before the clip's.
        start_s: f64,
        /// End in seconds in the recording, not after the clip's.
        end_s: f64,
        /// Lower edge in Hz within the range of the image; `None` for all frequencies.
        low_hz: Option<f64>,
        /// Upper edge in Hz within the range of the image.
        high_hz: Option<f64>,
        /// Left edge in the stored image: 0 is the start of the first frame, 1 the end of the last.
        x_min: f32,
        /// Right edge in the stored image.
        x_max: f32,
        /// Edge nearer to row 0 in the stored image: 0 is the outer edge of row 0, 1 that of the last row.
        y_min: Option<f32>,
        /// Edge farther from row 0 in the stored image.
        y_max: Option<f32>,
    }
    check check
}

fn check(item: &ClipBox, _: &Taxa) -> Result<(), Fault> {
    match item.start_s > item.end_s {
        true => Err(Fault::new(
            "end_s",
            format!("a box starts at {} s and ends at {} s", item.start_s, item.end_s),
        )),
        false => Ok(()),
    }
}
