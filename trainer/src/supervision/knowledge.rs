//! Defines what the dataset says of a class in a clip: present, absent or unknown.

use shardfmt::LabelRow;

/// The knowledge of a class in a clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// Neither is known; also of a class that none of the three lists names.
    #[default]
    Unknown,
    /// Known not to be heard.
    Absent,
    /// Heard.
    Present,
}

impl Knowledge {
    /// Whether it is known either way.
    pub(super) fn known(self) -> bool {
        self != Self::Unknown
    }

    /// Whether it is a positive.
    pub(super) fn present(self) -> bool {
        self == Self::Present
    }
}

/// Appends the knowledge in `row` of `classes` classes to `table`. The error is the first class index that is out of
/// range.
pub(super) fn append(table: &mut Vec<Knowledge>, classes: usize, row: &LabelRow) -> Result<(), u32> {
    let first = table.len();
    table.resize(first + classes, Knowledge::Unknown);
    let lists = [(&row.absent, Knowledge::Absent), (&row.present, Knowledge::Present)];
    for (list, knowledge) in lists {
        for &class in list {
            let entry = table
                .get_mut(first..)
                .and_then(|entries| entries.get_mut(class as usize));
            *entry.ok_or(class)? = knowledge;
        }
    }
    Ok(())
}
