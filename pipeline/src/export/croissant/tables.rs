//! Provides the tables of a dataset as Croissant record sets, their fields read from the Parquet columns.

use std::fs::File;
use std::path::Path;

use arrow_schema::{DataType, Field};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};
use shardfmt::Operation;
use shardfmt::entry::{REJECTS, TAXA, assets_path, labels_path, priors_path};
use shardfmt::{Dataset, Error};

use crate::error::{Result, io};

/// Metadata key of a table's units (shardfmt's README, section 4).
const UNITS_KEY: &str = "l48.units";

/// A kind of table.
pub(super) struct Table {
    /// Id of the record set; of tables in a folder, the folder.
    pub(super) id: &'static str,
    /// What a row is.
    description: &'static str,
    /// Columns that tell rows apart.
    key: &'static [&'static str],
    /// Where the rows are.
    pub(super) files: Files,
}

/// The files of a table.
pub(super) enum Files {
    /// A single file.
    One(&'static str),
    /// One for each shard.
    Each {
        /// Id of the set they form.
        set: &'static str,
        /// Path of one.
        path: fn(u32) -> String,
    },
}

/// Every kind of table in a dataset.
pub(super) const TABLES: [Table; 5] = [
    Table {
        id: "taxa",
        description: "The classes, in the order of their indices.",
        key: &["class_index"],
        files: Files::One(TAXA),
    },
    Table {
        id: "labels",
        description: "A row for each clip: its place in its recording, what is present, absent and unknown in it, and its boxes. \
                      Row `row` of the tensor `clips` in shard number `shard` is its image.",
        key: &["asset_id", "clip_index"],
        files: Files::Each {
            set: "label-tables",
            path: labels_path,
        },
    },
    Table {
        id: "priors",
        description: "A row for each recording: place, time, species possible there and then, species on its checklist.",
        key: &["asset_id"],
        files: Files::Each {
            set: "prior-tables",
            path: priors_path,
        },
    },
    Table {
        id: "assets",
        description: "A row for each recording: its source and where its clips lie.",
        key: &["asset_id"],
        files: Files::Each {
            set: "asset-tables",
            path: assets_path,
        },
    },
    Table {
        id: "rejects",
        description: "Recordings that were left out, and why.",
        key: &["asset_id"],
        files: Files::One(REJECTS),
    },
];

/// A record set for each kind of table that the dataset has files of.
///
/// # Errors
/// A table that cannot be read.
pub(super) fn record_sets(dataset: &Dataset) -> Result<Vec<Value>> {
    let mut sets = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        let (path, source) = match table.files {
            Files::One(name) => (name.to_owned(), json!({"fileObject": {"@id": name}})),
            Files::Each { set, path } if dataset.shard_count() > 0 => (path(0), json!({"fileSet": {"@id": set}})),
            Files::Each { .. } => continue,
        };
        let key: Vec<Value> = table
            .key
            .iter()
            .map(|column| json!({"@id": format!("{}/{column}", table.id)}))
            .collect();
        sets.push(json!({
            "@type": "cr:RecordSet",
            "@id": table.id,
            "name": table.id,
            "description": table.description,
            "key": key,
            "field": fields(&dataset.dir().join(path), table.id, &source)?,
        }));
    }
    Ok(sets)
}

/// The columns of a Parquet file as fields.
fn fields(path: &Path, table: &str, source: &Value) -> Result<Vec<Value>> {
    let fail = |reason: String| Error::Table {
        path: path.to_path_buf(),
        reason,
    };
    let file = File::open(path).map_err(io(Operation::Open, path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| fail(e.to_string()))?;
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let units = pairs
        .into_iter()
        .flatten()
        .find(|pair| pair.key == UNITS_KEY)
        .and_then(|pair| pair.value.as_deref())
        .unwrap_or("{}");
    let units: Map<String, Value> = serde_json::from_str(units).map_err(|e| fail(format!("{UNITS_KEY}: {e}")))?;
    let field = |column: &Field| field(table, column, source, units.get(column.name()));
    Ok(reader.schema().fields().iter().map(|column| field(column)).collect())
}

/// One column as a field: a list is a repeated one, a list of structs one with a subfield for each member.
fn field(table: &str, column: &Field, source: &Value, unit: Option<&Value>) -> Value {
    let name = column.name();
    let mut field = json!({"@type": "cr:Field", "@id": format!("{table}/{name}"), "name": name});
    if let Some(unit) = unit.and_then(Value::as_str) {
        field["description"] = format!("Unit: {unit}.").into();
    }
    let mut source = source.clone();
    source["extract"] = json!({"column": name});
    let item = match column.data_type() {
        DataType::List(item) => {
            field["repeated"] = true.into();
            item.data_type()
        }
        plain => plain,
    };
    if let DataType::Struct(members) = item {
        let member = |member: &Field| {
            let name = member.name();
            let mut source = source.clone();
            source["transform"] = json!({"jsonPath": name});
            let id = format!("{table}/{}/{name}", column.name());
            json!({"@type": "cr:Field", "@id": id, "name": name, "dataType": data_type(member.data_type()), "source": source})
        };
        field["subField"] = members.iter().map(|m| member(m)).collect();
    } else {
        field["dataType"] = data_type(item).into();
        field["source"] = source;
    }
    field
}

/// Croissant's name of a column's type.
fn data_type(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "sc:Boolean",
        DataType::Timestamp(..) => "sc:DateTime",
        other if other.is_integer() => "sc:Integer",
        other if other.is_floating() => "sc:Float",
        _ => "sc:Text",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn lists_repeat_and_structs_have_members() {
        let list = |item| DataType::List(Arc::new(Field::new("element", item, false)));
        let source = json!({"fileSet": {"@id": "s"}});
        let plain = field(
            "t",
            &Field::new("start_s", DataType::Float64, false),
            &source,
            Some(&json!("s")),
        );
        assert_eq!(
            plain,
            json!({"@type": "cr:Field", "@id": "t/start_s", "name": "start_s", "description": "Unit: s.", "dataType": "sc:Float",
                   "source": {"fileSet": {"@id": "s"}, "extract": {"column": "start_s"}}})
        );
        let codes = field("t", &Field::new("present", list(DataType::Utf8), false), &source, None);
        assert_eq!(
            (&codes["repeated"], &codes["dataType"]),
            (&json!(true), &json!("sc:Text"))
        );
        let members = vec![Field::new("x_min", DataType::Float32, false)];
        let boxes = field(
            "t",
            &Field::new("boxes", list(DataType::Struct(members.into())), false),
            &source,
            None,
        );
        assert_eq!(
            (&boxes["repeated"], &boxes["dataType"], &boxes["source"]),
            (&json!(true), &Value::Null, &Value::Null)
        );
        assert_eq!(
            boxes["subField"],
            json!([{"@type": "cr:Field", "@id": "t/boxes/x_min", "name": "x_min", "dataType": "sc:Float",
                    "source": {"fileSet": {"@id": "s"}, "extract": {"column": "boxes"}, "transform": {"jsonPath": "x_min"}}}])
        );
    }
}
