//! Defines `Row0`, which end of the frequency axis the top row of the pictures is.

/// Which frequency the top row has. The set does not say; its documentation draws the axis from 0 upwards, as
/// spectrograms are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Row0 {
    /// 11.025 kHz.
    #[default]
    Highest,
    /// 0 Hz.
    Lowest,
}

impl Row0 {
    /// The word for it in `dataset.json`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Row0::Highest => "highest",
            Row0::Lowest => "lowest",
        }
    }
}
