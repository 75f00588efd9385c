//! Defines the codecs: how values of a row's fields become a column, and back.

use std::fmt::Display;
use std::marker::PhantomData;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    StringArray, StructArray, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::schema::{ColumnSchema, LIST_ITEM, list_of};
use super::{Fault, Record};
use crate::taxa::Taxa;

/// Values as they are: numbers, which must be finite, truth values and texts; `Option` may be null.
pub enum Plain {}
/// Values stored as their text, such as words of a fixed list and checksums.
pub enum Text {}
/// [`Text`] of a column that only some datasets have: see [`Columns::All`](super::Columns::All). `None` where there is
/// none.
pub enum Extension {}
/// Values stored as codec `C` does, in a column that only some datasets have; where there is none, the default of their
/// type.
pub struct Extended<C>(PhantomData<C>);
/// A class index, stored as species code; `Option` may be null.
pub enum Class {}
/// Class indices, stored as a list of species codes; `Option` may be null.
pub enum Classes {}
/// Microseconds since 1970-01-01 UTC as a time stamp.
pub enum Microseconds {}
/// A list of structs.
pub enum Nested {}

/// How values of type `T` are a column.
pub trait Column<T> {
    /// Whether the column may hold nulls.
    const NULLABLE: bool = false;
    /// Whether only some datasets have the column.
    const EXTENSION: bool = false;
    /// Whether its texts are species codes: then it is read from class indices too, a [`UInt32Array`] in the place of
    /// the texts.
    const CLASSES: bool = false;

    /// Type of the column.
    fn data_type() -> DataType;

    /// Checks that `value` may be stored.
    ///
    /// # Errors
    /// Which rule it breaks.
    fn check(value: &T, taxa: &Taxa) -> Result<(), String>;

    /// The column of values that were checked.
    fn array(values: &[&T], taxa: &Taxa) -> ArrayRef;

    /// The value at `row`; the column has the declared type, and nulls only where they are allowed.
    ///
    /// # Errors
    /// Which rule it breaks.
    fn read(array: &dyn Array, row: usize, taxa: &Taxa) -> Result<T, String>;

    /// The value of every row where there is no column.
    #[must_use]
    fn missing() -> Option<T> {
        None
    }

    /// [`Column::read`], or [`Column::missing`] where there is no column.
    ///
    /// # Errors
    /// As [`Column::read`].
    fn read_from(array: Option<&dyn Array>, row: usize, taxa: &Taxa) -> Result<T, String> {
        match array {
            Some(array) => Self::read(array, row, taxa),
            None => Self::missing().ok_or_else(|| "no such column".to_owned()),
        }
    }
}

/// A type whose values an Arrow array holds as they are.
pub trait Scalar: Sized {
    /// Type of the column.
    const TYPE: DataType;

    /// Checks that the value may be stored.
    ///
    /// # Errors
    /// Which rule it breaks.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// The array of the values.
    fn array<'v>(values: impl Iterator<Item = Option<&'v Self>>) -> ArrayRef
    where
        Self: 'v;

    /// The value at `row`.
    ///
    /// # Errors
    /// That the array has another type.
    fn read(array: &dyn Array, row: usize) -> Result<Self, String>;
}

/// The array as its declared type; the reader has compared the types already.
fn typed<A: 'static>(array: &dyn Array) -> Result<&A, String> {
    let typed = array.as_any().downcast_ref();
    typed.ok_or_else(|| "is not of the documented type".to_owned())
}

macro_rules! scalars {
    ($($type:ty: $data_type:ident, $array:ident $(, $check:expr)?;)+) => {
        $(impl Scalar for $type {
            const TYPE: DataType = DataType::$data_type;

            $(fn check(&self) -> Result<(), String> {
                let check: fn(f64) -> Result<(), String> = $check;
                check(f64::from(*self))
            })?

            fn array<'v>(values: impl Iterator<Item = Option<&'v Self>>) -> ArrayRef {
                Arc::new(values.map(Option::<&Self>::cloned).collect::<$array>())
            }

            fn read(array: &dyn Array, row: usize) -> Result<Self, String> {
                Ok(typed::<$array>(array)?.value(row).to_owned())
            }
        })+
    };
}

scalars! {
    bool: Boolean, BooleanArray;
    i32: Int32, Int32Array;
    i64: Int64, Int64Array;
    u32: UInt32, UInt32Array;
    u64: UInt64, UInt64Array;
    f32: Float32, Float32Array, check_finite;
    f64: Float64, Float64Array, check_finite;
    String: Utf8, StringArray;
}

fn check_finite(value: f64) -> Result<(), String> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(format!("{value} is not a finite number")),
    }
}

impl<T: Scalar> Column<T> for Plain {
    fn data_type() -> DataType {
        T::TYPE
    }

    fn check(value: &T, _: &Taxa) -> Result<(), String> {
        value.check()
    }

    fn array(values: &[&T], _: &Taxa) -> ArrayRef {
        T::array(values.iter().copied().map(Some))
    }

    fn read(array: &dyn Array, row: usize, _: &Taxa) -> Result<T, String> {
        T::read(array, row)
    }
}

impl<T: Scalar> Column<Option<T>> for Plain {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        T::TYPE
    }

    fn check(value: &Option<T>, _: &Taxa) -> Result<(), String> {
        value.as_ref().map_or(Ok(()), T::check)
    }

    fn array(values: &[&Option<T>], _: &Taxa) -> ArrayRef {
        T::array(values.iter().map(|value| value.as_ref()))
    }

    fn read(array: &dyn Array, row: usize, _: &Taxa) -> Result<Option<T>, String> {
        array.is_valid(row).then(|| T::read(array, row)).transpose()
    }
}

impl<T: Display + FromStr<Err: Display>> Column<T> for Text {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn check(_: &T, _: &Taxa) -> Result<(), String> {
        Ok(())
    }

    fn array(values: &[&T], _: &Taxa) -> ArrayRef {
        let texts = values.iter().map(|value| value.to_string());
        Arc::new(StringArray::from_iter_values(texts))
    }

    fn read(array: &dyn Array, row: usize, _: &Taxa) -> Result<T, String> {
        let text = typed::<StringArray>(array)?.value(row);
        text.parse().map_err(|error: T::Err| error.to_string())
    }
}

impl<T: Display + FromStr<Err: Display>> Column<Option<T>> for Extension {
    const EXTENSION: bool = true;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn check(_: &Option<T>, _: &Taxa) -> Result<(), String> {
        Ok(())
    }

    fn array(values: &[&Option<T>], _: &Taxa) -> ArrayRef {
        let texts = values.iter().map(|value| value.as_ref().map(T::to_string));
        Arc::new(texts.collect::<StringArray>())
    }

    fn read(array: &dyn Array, row: usize, taxa: &Taxa) -> Result<Option<T>, String> {
        Text::read(array, row, taxa).map(Some)
    }

    fn missing() -> Option<Option<T>> {
        Some(None)
    }
}

impl<T: Default, C: Column<T>> Column<T> for Extended<C> {
    const NULLABLE: bool = C::NULLABLE;
    const EXTENSION: bool = true;

    fn data_type() -> DataType {
        C::data_type()
    }

    fn check(value: &T, taxa: &Taxa) -> Result<(), String> {
        C::check(value, taxa)
    }

    fn array(values: &[&T], taxa: &Taxa) -> ArrayRef {
        C::array(values, taxa)
    }

    fn read(array: &dyn Array, row: usize, taxa: &Taxa) -> Result<T, String> {
        C::read(array, row, taxa)
    }

    fn missing() -> Option<T> {
        Some(T::default())
    }
}

fn check_classes(classes: &[u32], taxa: &Taxa) -> Result<(), String> {
    match classes.iter().find(|class| taxa.code(**class).is_none()) {
        Some(class) => Err(format!("class index {class}, but there are {} classes", taxa.len())),
        None => Ok(()),
    }
}

fn index_of(code: &str, taxa: &Taxa) -> Result<u32, String> {
    let index = taxa.index(code);
    index.ok_or_else(|| format!("species code {code:?} is not in the class list"))
}

/// The class indices of items of an array of species codes, or of class indices.
fn indices(array: &dyn Array, items: Range<usize>, taxa: &Taxa) -> Result<Vec<u32>, String> {
    let any = array.as_any();
    if let Some(indices) = any.downcast_ref::<UInt32Array>() {
        return Ok(indices.values().get(items).unwrap_or_default().to_vec());
    }
    if let Some(codes) = any.downcast_ref::<DictionaryArray<Int32Type>>() {
        let texts: &StringArray = typed(codes.values())?;
        let code = |item| codes.key(item).map_or("", |key| texts.value(key));
        return items.map(|item| index_of(code(item), taxa)).collect();
    }
    let codes: &StringArray = typed(array)?;
    items.map(|item| index_of(codes.value(item), taxa)).collect()
}

impl Column<Option<u32>> for Class {
    const NULLABLE: bool = true;
    const CLASSES: bool = true;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn check(value: &Option<u32>, taxa: &Taxa) -> Result<(), String> {
        check_classes(value.as_slice(), taxa)
    }

    fn array(values: &[&Option<u32>], taxa: &Taxa) -> ArrayRef {
        let codes = values.iter().map(|class| class.and_then(|class| taxa.code(class)));
        Arc::new(codes.collect::<StringArray>())
    }

    fn read(array: &dyn Array, row: usize, taxa: &Taxa) -> Result<Option<u32>, String> {
        match array.is_valid(row) {
            true => Ok(indices(array, row..row + 1, taxa)?.pop()),
            false => Ok(None),
        }
    }
}

impl Column<u32> for Class {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn check(value: &u32, taxa: &Taxa) -> Result<(), String> {
        check_classes(&[*value], taxa)
    }

    fn array(values: &[&u32], taxa: &Taxa) -> ArrayRef {
        let codes = values.iter().map(|class| taxa.code(**class));
        Arc::new(codes.collect::<StringArray>())
    }

    fn read(array: &dyn Array, row: usize, taxa: &Taxa) -> Result<u32, String> {
        index_of(typed::<StringArray>(array)?.value(row), taxa)
    }
}

fn class_lists<'v>(lists: impl Iterator<Item = Option<&'v Vec<u32>>>, taxa: &Taxa) -> ArrayRef {
    let item = Field::new(LIST_ITEM, DataType::Utf8, false);
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(item);
    for classes in lists {
        let codes = classes.into_iter().flatten().filter_map(|class| taxa.code(*class));
        codes.for_each(|code| builder.values().append_value(code));
        builder.append(classes.is_some());
    }
    Arc::new(builder.finish())
}

/// The items of all lists, and where those of the list at `row` lie among them.
fn items_at(array: &dyn Array, row: usize) -> Result<(&dyn Array, Range<usize>), String> {
    let lists: &ListArray = typed(array)?;
    let offset = |row| lists.value_offsets().get(row).map_or(0, |offset| *offset as usize);
    Ok((lists.values(), offset(row)..offset(row + 1)))
}

impl Column<Vec<u32>> for Classes {
    const CLASSES: bool = true;

    fn data_type() -> DataType {
        list_of(DataType::Utf8)
    }

    fn check(value: &Vec<u32>, taxa: &Taxa) -> Result<(), String> {
        check_classes(value, taxa)
    }

    fn array(values: &[&Vec<u32>], taxa: &Taxa) -> ArrayRef {
        class_lists(values.iter().copied().map(Some), taxa)
    }

    fn read(array: &dyn Array, row: usize, taxa: &Taxa) -> Result<Vec<u32>, String> {
        let (codes, items) = items_at(array, row)?;
        indices(codes, items, taxa)
    }
}

impl Column<Option<Vec<u32>>> for Classes {
    const NULLABLE: bool = true;
    const CLASSES: bool = true;

    fn data_type() -> DataType {
        list_of(DataType::Utf8)
    }

    fn check(value: &Option<Vec<u32>>, taxa: &Taxa) -> Result<(), String> {
        check_classes(value.as_deref().unwrap_or_default(), taxa)
    }

    fn array(values: &[&Option<Vec<u32>>], taxa: &Taxa) -> ArrayRef {
        class_lists(values.iter().map(|list| list.as_ref()), taxa)
    }

    fn read(array: &dyn Array, row: usize, taxa: &Taxa) -> Result<Option<Vec<u32>>, String> {
        array.is_valid(row).then(|| Classes::read(array, row, taxa)).transpose()
    }
}

impl Column<Option<i64>> for Microseconds {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }

    fn check(_: &Option<i64>, _: &Taxa) -> Result<(), String> {
        Ok(())
    }

    fn array(values: &[&Option<i64>], _: &Taxa) -> ArrayRef {
        let times: TimestampMicrosecondArray = values.iter().map(|time| **time).collect();
        Arc::new(times.with_timezone("UTC"))
    }

    fn read(array: &dyn Array, row: usize, _: &Taxa) -> Result<Option<i64>, String> {
        let times: &TimestampMicrosecondArray = typed(array)?;
        Ok(times.is_valid(row).then(|| times.value(row)))
    }
}

fn members<R: Record>() -> Fields {
    R::columns().iter().map(ColumnSchema::field).collect()
}

impl<R: Record> Column<Vec<R>> for Nested {
    fn data_type() -> DataType {
        list_of(DataType::Struct(members::<R>()))
    }

    fn check(value: &Vec<R>, taxa: &Taxa) -> Result<(), String> {
        let mut items = value.iter();
        items.try_for_each(|item| item.check(taxa).map_err(|fault| fault.to_string()))
    }

    fn array(values: &[&Vec<R>], taxa: &Taxa) -> ArrayRef {
        let items: Vec<&R> = values.iter().copied().flatten().collect();
        let members = StructArray::new(members::<R>(), R::arrays(&items, taxa), None);
        let item = Field::new(LIST_ITEM, members.data_type().clone(), false);
        let offsets = OffsetBuffer::from_lengths(values.iter().map(|list| list.len()));
        Arc::new(ListArray::new(Arc::new(item), offsets, Arc::new(members), None))
    }

    fn read(array: &dyn Array, row: usize, taxa: &Taxa) -> Result<Vec<R>, String> {
        let (structs, items) = items_at(array, row)?;
        let structs: &StructArray = typed(structs)?;
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let member = |column: ColumnSchema| structs.column_by_name(column.name).map(|array| array.as_ref());
        let members: Vec<Option<&dyn Array>> = R::columns().into_iter().map(member).collect();
        let read = |item| R::read(&members, item, taxa).map_err(|fault: Fault| fault.to_string());
        items.map(read).collect()
    }
}
