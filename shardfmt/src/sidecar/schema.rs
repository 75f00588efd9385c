//! Defines how a table's columns are declared, and compares a file's columns with them.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

/// Name of list items in the file: what the Parquet specification calls them.
pub(super) const LIST_ITEM: &str = "element";

/// A table's declaration. The name is stored as `l48.schema`, "kind/version".
pub(super) struct TableSchema {
    pub(super) name: &'static str,
    pub(super) columns: Vec<ColumnSchema>,
}

/// One declared column; `unit` is empty for codes, counts and names.
pub(super) struct ColumnSchema {
    pub(super) name: &'static str,
    pub(super) data_type: DataType,
    pub(super) nullable: bool,
    pub(super) unit: &'static str,
}

/// A column with a value in every row.
pub(super) fn required(name: &'static str, data_type: DataType) -> ColumnSchema {
    ColumnSchema {
        name,
        data_type,
        nullable: false,
        unit: "",
    }
}

/// A column that may be null.
pub(super) fn optional(name: &'static str, data_type: DataType) -> ColumnSchema {
    ColumnSchema {
        name,
        data_type,
        nullable: true,
        unit: "",
    }
}

impl ColumnSchema {
    /// The same column with a unit.
    pub(super) fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }
}

/// The type "list of `item`", whose items are never null.
pub(super) fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new(LIST_ITEM, item, false)))
}

impl TableSchema {
    /// The Arrow schema of the columns.
    pub(super) fn arrow(&self) -> SchemaRef {
        let field = |column: &ColumnSchema| Field::new(column.name, column.data_type.clone(), column.nullable);
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// JSON object from column to unit, for the file's `l48.units`.
    pub(super) fn units_json(&self) -> String {
        let with_unit = self.columns.iter().filter(|column| !column.unit.is_empty());
        let units: serde_json::Map<_, _> = with_unit
            .map(|column| (column.name.to_owned(), column.unit.into()))
            .collect();
        serde_json::Value::Object(units).to_string()
    }
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
        let columns = vec![
            required("n", DataType::Int64),
            optional("t", DataType::Float64).unit("s"),
        ];
        assert_eq!(TableSchema { name: "x/1", columns }.units_json(), r#"{"t":"s"}"#);
    }
}
