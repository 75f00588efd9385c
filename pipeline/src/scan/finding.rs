//! Defines `Finding`, something about a file that its owner should know, and its kinds.

/// What is told about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A recording that is left out of the table: it cannot be read, or is none.
    LeftOut,
    /// A folder or a file that was not looked at.
    NotLookedAt,
    /// Sources that disagree about the time.
    Times,
    /// A time that cannot be used.
    NoInstant,
    /// Sources that disagree about the place.
    Places,
    /// A recording that was slowed down.
    TimeExpansion,
    /// A name that says another format than the content.
    OtherFormat,
    /// Recordings of the same bytes.
    Copies,
    /// A recording whose path does not fit the pattern of sites.
    NoSite,
    /// Ids: of recordings that are gone, or that came out the same.
    Ids,
    /// Recordings that had to change their split, or could not be told apart by it.
    Splits,
    /// Folders as labels.
    Labels,
    /// Annotation files that are not used.
    Annotations,
}

impl Kind {
    /// All of them, in the order of a report.
    pub const ALL: [Kind; 13] = [
        Kind::LeftOut,
        Kind::NotLookedAt,
        Kind::Times,
        Kind::NoInstant,
        Kind::Places,
        Kind::TimeExpansion,
        Kind::OtherFormat,
        Kind::Copies,
        Kind::NoSite,
        Kind::Ids,
        Kind::Splits,
        Kind::Labels,
        Kind::Annotations,
    ];

    /// The heading of a report's section.
    pub fn title(self) -> &'static str {
        match self {
            Kind::LeftOut => "Left out of recordings.csv",
            Kind::NotLookedAt => "Not looked at",
            Kind::Times => "Disagreements about the time",
            Kind::NoInstant => "Times that cannot be used",
            Kind::Places => "Disagreements about the place",
            Kind::TimeExpansion => "Slowed down: times and frequencies are not those of the field",
            Kind::OtherFormat => "Named for another format than the content, which decides",
            Kind::Copies => "The same bytes more than once; each group is in one split",
            Kind::NoSite => "No site: the path does not fit the pattern of --site",
            Kind::Ids => "Ids",
            Kind::Splits => "Splits",
            Kind::Labels => "Folders as labels",
            Kind::Annotations => "Annotation files that are not used",
        }
    }
}

/// Something about a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// The file or folder, from the scanned folder's name on.
    pub path: String,
    /// What it is, and what to do.
    pub what: String,
}
