//! Provides `texts`, the values of an Arrow array as the cells that a CSV table would hold.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::Offset;
use shardfmt::table::limits::count_decoded;

/// Why a value has no text.
type Refused = String;

/// One cell for each value. Null and NaN become the empty cell, lists `a;b;c`; times are ISO 8601, with an offset
/// where the column has a time zone: that zone's where it is a fixed offset, else zero, which is the same instant.
///
/// # Errors
/// In words: a type without a text, bytes that are not UTF-8, a time beyond the calendar, more text than fits into
/// memory.
pub(super) fn texts(array: &dyn Array, decoded_bytes: &mut usize) -> Result<Vec<String>, Refused> {
    let rows = 0..array.len();
    match array.data_type() {
        DataType::Dictionary(..) => dictionary(array, decoded_bytes),
        DataType::List(_) => lists(array, &|row| array.as_list::<i32>().value(row), decoded_bytes),
        DataType::LargeList(_) => lists(array, &|row| array.as_list::<i64>().value(row), decoded_bytes),
        DataType::ListView(_) => lists(array, &|row| array.as_list_view::<i32>().value(row), decoded_bytes),
        DataType::LargeListView(_) => lists(array, &|row| array.as_list_view::<i64>().value(row), decoded_bytes),
        DataType::FixedSizeList(..) => lists(array, &|row| array.as_fixed_size_list().value(row), decoded_bytes),
        _ => {
            let cell = |row| {
                let text = if array.is_null(row) {
                    String::new()
                } else {
                    scalar(array, row)?
                };
                count_decoded(text.len(), decoded_bytes)?;
                Ok(text)
            };
            rows.map(cell).collect()
        }
    }
}

/// The values of the keys.
fn dictionary(array: &dyn Array, decoded_bytes: &mut usize) -> Result<Vec<String>, Refused> {
    let dictionary = array.as_any_dictionary();
    // They are dropped again; what stays of them is counted below.
    let values = texts(dictionary.values().as_ref(), &mut decoded_bytes.clone())?;
    let keys = if values.is_empty() {
        vec![0; array.len()]
    } else {
        dictionary.normalized_keys()
    };
    let cell = |(row, key): (usize, usize)| {
        let value = values.get(key).filter(|_| array.is_valid(row));
        let text = value.cloned().unwrap_or_default();
        count_decoded(text.len(), decoded_bytes)?;
        Ok(text)
    };
    keys.into_iter().enumerate().map(cell).collect()
}

/// Items, joined.
fn lists(
    array: &dyn Array,
    items: &dyn Fn(usize) -> ArrayRef,
    decoded_bytes: &mut usize,
) -> Result<Vec<String>, Refused> {
    let mut cell = |row| {
        if array.is_null(row) {
            return Ok(String::new());
        }
        Ok(texts(items(row).as_ref(), decoded_bytes)?.join(";"))
    };
    (0..array.len()).map(&mut cell).collect()
}

/// The text of a value that is not null and not a list.
fn scalar(array: &dyn Array, row: usize) -> Result<String, Refused> {
    /// A value as Rust prints it.
    macro_rules! shown {
        ($kind:ty) => {
            Ok(array.as_primitive::<$kind>().value(row).to_string())
        };
    }
    /// The same of a number that may be none.
    macro_rules! number {
        ($kind:ty) => {{
            let value = array.as_primitive::<$kind>().value(row);
            Ok(if value.is_nan() {
                String::new()
            } else {
                value.to_string()
            })
        }};
    }
    match array.data_type() {
        DataType::Null => Ok(String::new()),
        DataType::Boolean => Ok(array.as_boolean().value(row).to_string()),
        DataType::Int8 => shown!(Int8Type),
        DataType::Int16 => shown!(Int16Type),
        DataType::Int32 => shown!(Int32Type),
        DataType::Int64 => shown!(Int64Type),
        DataType::UInt8 => shown!(UInt8Type),
        DataType::UInt16 => shown!(UInt16Type),
        DataType::UInt32 => shown!(UInt32Type),
        DataType::UInt64 => shown!(UInt64Type),
        DataType::Float16 => number!(Float16Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::Decimal32(..) => Ok(decimal::<Decimal32Type>(array, row)),
        DataType::Decimal64(..) => Ok(decimal::<Decimal64Type>(array, row)),
        DataType::Decimal128(..) => Ok(decimal::<Decimal128Type>(array, row)),
        DataType::Decimal256(..) => Ok(decimal::<Decimal256Type>(array, row)),
        DataType::Utf8 => Ok(array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Ok(array.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Ok(array.as_string_view().value(row).to_owned()),
        DataType::Binary => utf8(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => utf8(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => utf8(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => utf8(array.as_fixed_size_binary().value(row)),
        DataType::Date32 => date(i64::from(array.as_primitive::<Date32Type>().value(row)).saturating_mul(86_400_000)),
        DataType::Date64 => date(array.as_primitive::<Date64Type>().value(row)),
        DataType::Timestamp(unit, zone) => {
            let timestamp = timestamp(array, row, *unit)?;
            Ok(match zone {
                Some(zone) => timestamp.display_with_offset(fixed_offset(zone)).to_string(),
                None => utc(timestamp).to_string(),
            })
        }
        other => Err(format!(
            "values of type {other} are not supported; write them as text or numbers"
        )),
    }
}

/// A decimal number without the zeros that fill it up to its scale: whole ones are written as whole numbers.
fn decimal<T: DecimalType + ArrowPrimitiveType>(array: &dyn Array, row: usize) -> String {
    let text = array.as_primitive::<T>().value_as_string(row);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Bytes, as old writers store text.
fn utf8(bytes: &[u8]) -> Result<String, Refused> {
    let text = std::str::from_utf8(bytes).map(str::to_owned);
    text.map_err(|_| "holds bytes that are not UTF-8 text".into())
}

fn timestamp(array: &dyn Array, row: usize, unit: TimeUnit) -> Result<Timestamp, Refused> {
    let (value, unit_ns) = match unit {
        TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(row), 1_000_000_000),
        TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().value(row), 1_000_000),
        TimeUnit::Microsecond => (array.as_primitive::<TimestampMicrosecondType>().value(row), 1_000),
        TimeUnit::Nanosecond => (array.as_primitive::<TimestampNanosecondType>().value(row), 1),
    };
    from_nanoseconds(i128::from(value) * unit_ns)
}

fn date(unix_ms: i64) -> Result<String, Refused> {
    Ok(utc(from_nanoseconds(i128::from(unix_ms) * 1_000_000)?)
        .date()
        .to_string())
}

fn from_nanoseconds(unix_ns: i128) -> Result<Timestamp, Refused> {
    Timestamp::from_nanosecond(unix_ns).map_err(|_| "holds a time outside the years -9999 to 9999".into())
}

fn utc(timestamp: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(timestamp)
}

/// The offset of a zone like `-04:00`; of zones with a name, which have several, zero.
fn fixed_offset(zone: &str) -> Offset {
    let parsed = DateTimeParser::new().parse_time_zone(zone);
    let offset = parsed.ok().and_then(|zone| zone.to_fixed_offset().ok());
    offset.unwrap_or(Offset::UTC)
}

#[cfg(test)]
#[path = "cells_tests.rs"]
mod tests;
