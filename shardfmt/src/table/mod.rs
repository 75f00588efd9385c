//! Provides Parquet tables of typed rows: [`table!`](crate::table!) declares one, and its columns, writing and reading
//! follow.

mod class_codes;
mod column;
pub mod limits;
mod page_header;
mod read;
mod schema;
mod unfolding;
mod write;

pub use column::{Class, Classes, Column, Extended, Extension, Microseconds, Nested, Plain, Scalar, Text};
pub use read::{TableFile, open_table, read_table};
pub use schema::ColumnSchema;
pub use write::{TableWriter, write_table};

#[doc(hidden)]
pub use arrow_array::{Array, ArrayRef};

use crate::taxa::Taxa;

/// A value that a row must not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column}: {reason}")]
pub struct Fault {
    /// Its column.
    pub column: &'static str,
    /// Which rule it breaks.
    pub reason: String,
}

impl Fault {
    /// A fault in `column`.
    pub fn new(column: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { column, reason }
    }
}

/// A struct whose fields are columns, of a table or of a list of structs; [`table!`](crate::table!) implements it.
pub trait Record: Sized {
    /// The columns in file order.
    fn columns() -> Vec<ColumnSchema>;

    /// Checks the rules of a row, for the writer and the reader; classes are those of `taxa`.
    ///
    /// # Errors
    /// The first rule broken.
    fn check(&self, taxa: &Taxa) -> Result<(), Fault>;

    /// The columns of rows that were checked, in file order.
    fn arrays(rows: &[&Self], taxa: &Taxa) -> Vec<ArrayRef>;

    /// The row at `row` of its columns; `None` for a column that the file is not read for.
    ///
    /// # Errors
    /// A value outside the schema.
    fn read(arrays: &[Option<&dyn Array>], row: usize, taxa: &Taxa) -> Result<Self, Fault>;
}

/// A [`Record`] that is the row of a table.
pub trait Table: Record {
    /// Kind and version of the table, `l48.schema` in the file.
    const NAME: &'static str;
}

/// Which columns of a table a file has, or is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// Those that every dataset has. Others of the same names as extensions have no meaning.
    Base,
    /// These extensions, too, by name: the dataset says that it has them.
    With(&'static [&'static str]),
    /// Every extension.
    All,
}

/// Declares a struct whose fields are columns, with its [`Record`] and, where a table is named, its [`Table`].
///
/// A field is `name: type as Codec ["unit"]`. The codec, a type of this module, says how the value is stored; without
/// one it is [`Plain`]. A column that is not named as its field has its own name in parentheses. A `check` is a
/// function of row and classes that refuses rows that break further rules.
///
/// ```
/// use shardfmt::table::{Class, Columns, open_table, read_table, write_table};
///
/// shardfmt::table! {
///     /// A bird that was seen.
///     #[derive(Debug, PartialEq)]
///     pub struct Sighting: "sightings/1" {
///         /// What it was.
///         species: Option<u32> as Class,
///         /// How far away.
///         distance_m("distance"): f64 ["m"],
///         /// How many.
///         count: u32,
///     }
/// }
/// # fn main() -> shardfmt::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("sightings-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).ok();
/// # let (path, taxa) = (folder.join("t.parquet"), shardfmt::Taxa::default());
/// let rows = [Sighting { species: None, distance_m: 12.5, count: 3 }];
/// write_table(&path, &taxa, &rows, Columns::All)?;
/// assert_eq!(read_table::<Sighting>(open_table(&path)?, &path, &taxa, Columns::All)?, rows);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! table {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $row:ident $(: $table:literal)? {
            $(
                $(#[$doc:meta])*
                $field:ident $(($name:literal))? : $type:ty $(as $codec:ty)? $([$unit:literal])?
            ),+ $(,)?
        }
        $(check $check:path)?
    ) => {
        $(#[$meta])*
        $visibility struct $row {
            $($(#[$doc])* pub $field: $type),+
        }

        impl $crate::table::Record for $row {
            fn columns() -> ::std::vec::Vec<$crate::table::ColumnSchema> {
                vec![$(
                    $crate::table::ColumnSchema::of::<$crate::table!(@codec $($codec)?), $type>(
                        $crate::table!(@name $field $($name)?),
                        concat!($($unit)?),
                    )
                ),+]
            }

            fn check(&self, taxa: &$crate::Taxa) -> ::std::result::Result<(), $crate::table::Fault> {
                $(
                    <$crate::table!(@codec $($codec)?) as $crate::table::Column<$type>>::check(&self.$field, taxa)
                        .map_err(|reason| $crate::table::Fault::new($crate::table!(@name $field $($name)?), reason))?;
                )+
                $($check(self, taxa)?;)?
                Ok(())
            }

            fn arrays(rows: &[&Self], taxa: &$crate::Taxa) -> ::std::vec::Vec<$crate::table::ArrayRef> {
                vec![$(
                    <$crate::table!(@codec $($codec)?) as $crate::table::Column<$type>>::array(
                        &rows.iter().map(|row| &row.$field).collect::<::std::vec::Vec<_>>(),
                        taxa,
                    )
                ),+]
            }

            fn read(
                arrays: &[::std::option::Option<&dyn $crate::table::Array>],
                row: usize,
                taxa: &$crate::Taxa,
            ) -> ::std::result::Result<Self, $crate::table::Fault> {
                let mut arrays = arrays.iter().copied();
                Ok(Self {$(
                    $field: <$crate::table!(@codec $($codec)?) as $crate::table::Column<$type>>::read_from(
                        arrays.next().flatten(),
                        row,
                        taxa,
                    )
                    .map_err(|reason| $crate::table::Fault::new($crate::table!(@name $field $($name)?), reason))?
                ),+})
            }
        }

        $(impl $crate::table::Table for $row {
            const NAME: &'static str = $table;
        })?
    };
    (@codec) => { $crate::table::Plain };
    (@codec $codec:ty) => { $codec };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
}
