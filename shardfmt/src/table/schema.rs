//! Defines how a table's columns are declared, and compares a file's columns with them.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};

use super::Columns;
use super::column::Column;

/// Name of list items in the file: what the Parquet specification calls them.
pub(super) const LIST_ITEM: &str = "element";

/// One declared column.
#[derive(Clone, Debug)]
pub struct ColumnSchema {
    /// Name in the file.
    pub name: &'static str,
    /// Its type.
    pub data_type: DataType,
    /// Whether values may be null.
    pub nullable: bool,
    /// Unit of the values; empty for codes, counts and names.
    pub unit: &'static str,
    /// Whether only some datasets have it.
    pub is_extension: bool,
    /// Whether its texts are species codes.
    pub(super) is_of_classes: bool,
}

/// The type "list of `item`", whose items are never null.
pub(super) fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new(LIST_ITEM, item, false)))
}

impl ColumnSchema {
    /// The column that codec `C` makes of values of type `T`.
    #[must_use]
    pub fn of<C: Column<T>, T>(name: &'static str, unit: &'static str) -> Self {
        Self {
            name,
            data_type: C::data_type(),
            nullable: C::NULLABLE,
            unit,
            is_extension: C::EXTENSION,
            is_of_classes: C::CLASSES,
        }
    }

    /// Whether it is one of `columns`.
    pub(super) fn is_among(&self, columns: Columns) -> bool {
        match columns {
            Columns::Base => !self.is_extension,
            Columns::With(names) => !self.is_extension || names.contains(&self.name),
            Columns::All => true,
        }
    }

    pub(super) fn field(&self) -> Field {
        Field::new(self.name, self.data_type.clone(), self.nullable)
    }
}

/// JSON object from column to unit, for the file's `l48.units`.
pub(super) fn units_json(columns: &[ColumnSchema]) -> String {
    let with_unit = columns.iter().filter(|column| !column.unit.is_empty());
    let units: serde_json::Map<_, _> = with_unit
        .map(|column| (column.name.to_owned(), column.unit.into()))
        .collect();
    serde_json::Value::Object(units).to_string()
}

/// Whether a file's type can be read as the declared one: the same up to item names, declared nullability and
/// unknown struct members.
pub(super) fn is_readable_as(file: &DataType, declared: &DataType) -> bool {
    let member = |members: &Fields, field: &Field| {
        members
            .iter()
            .find(|m| m.name() == field.name())
            .is_some_and(|m| is_readable_as(m.data_type(), field.data_type()))
    };
    match (file, declared) {
        (DataType::List(file), DataType::List(declared)) => is_readable_as(file.data_type(), declared.data_type()),
        (DataType::Struct(file), DataType::Struct(declared)) => declared.iter().all(|field| member(file, field)),
        _ => file == declared,
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Plain;
    use super::*;

    #[test]
    fn types_match_up_to_names_and_nullability() {
        let other = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        assert!(is_readable_as(&other, &list_of(DataType::Utf8)));
        assert!(!is_readable_as(&other, &list_of(DataType::Int64)));
        assert!(!is_readable_as(&DataType::Int32, &DataType::Int64));
        let two = DataType::Struct(
            vec![
                Field::new("b", DataType::Utf8, true),
                Field::new("a", DataType::Int8, true),
            ]
            .into(),
        );
        let one = DataType::Struct(vec![Field::new("a", DataType::Int8, false)].into());
        assert!(is_readable_as(&two, &one));
        assert!(!is_readable_as(&one, &two));
    }

    #[test]
    fn only_columns_with_a_unit_are_listed() {
        let columns = [
            ColumnSchema::of::<Plain, i64>("n", ""),
            ColumnSchema::of::<Plain, Option<f64>>("t", "s"),
        ];
        assert_eq!(units_json(&columns), r#"{"t":"s"}"#);
    }
}
