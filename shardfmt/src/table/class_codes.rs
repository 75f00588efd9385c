//! Provides the reading of species codes as class indices: a code of a column is looked up once, not at every mention.
//!
//! Parquet keeps a column as numbers of a dictionary of its texts. Read so, no text is made of a number again, and what
//! a number means is looked up where it is first met.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, ListArray, UInt32Array};
use arrow_schema::{DataType, Field, FieldRef, Schema};

use super::schema::ColumnSchema;
use crate::taxa::Taxa;

/// A code of the dictionary that was not met yet.
const NOT_MET: u32 = u32::MAX;

/// `file`, the columns of a file that have the declared types, with dictionaries for texts that are species codes.
pub(super) fn as_dictionaries(file: &Schema, declared: &[ColumnSchema]) -> Schema {
    let field = |field: &FieldRef| match declared.iter().find(|column| column.name == field.name()) {
        Some(column) if column.is_of_classes => {
            let data_type = as_dictionary(field.data_type());
            Arc::new(field.as_ref().clone().with_data_type(data_type))
        }
        _ => Arc::clone(field),
    };
    Schema::new(file.fields().iter().map(field).collect::<Vec<_>>())
}

fn as_dictionary(data_type: &DataType) -> DataType {
    match data_type {
        DataType::List(item) => {
            let data_type = as_dictionary(item.data_type());
            DataType::List(Arc::new(item.as_ref().clone().with_data_type(data_type)))
        }
        text => DataType::Dictionary(Box::new(DataType::Int32), Box::new(text.clone())),
    }
}

/// What the numbers of one column's present dictionary mean.
#[derive(Default)]
pub(super) struct ClassCodes {
    dictionary: Option<ArrayRef>,
    /// Class index of each code, or [`NOT_MET`].
    indices: Vec<u32>,
}

impl ClassCodes {
    /// A column of class indices instead of `codes`, a dictionary or lists of items of one. `codes` itself where one of
    /// them is not a class: whoever reads it finds out in which row.
    pub(super) fn look_up(&mut self, codes: &ArrayRef, taxa: &Taxa) -> ArrayRef {
        let found = match codes.as_list_opt::<i32>() {
            Some(lists) => self.look_up_lists(lists, taxa),
            None => self.look_up_all(codes, taxa),
        };
        found.unwrap_or_else(|| Arc::clone(codes))
    }

    fn look_up_lists(&mut self, lists: &ListArray, taxa: &Taxa) -> Option<ArrayRef> {
        let items = self.look_up_all(lists.values(), taxa)?;
        let item = Arc::new(Field::new("item", DataType::UInt32, true));
        let lists = ListArray::try_new(item, lists.offsets().clone(), items, lists.nulls().cloned());
        Some(Arc::new(lists.ok()?))
    }

    fn look_up_all(&mut self, codes: &dyn Array, taxa: &Taxa) -> Option<ArrayRef> {
        let codes = codes.as_dictionary_opt::<Int32Type>()?;
        self.follow(codes);
        let (texts, nulls) = (codes.values().as_string_opt::<i32>()?, codes.nulls());
        let mut index = |(item, key): (usize, &i32)| {
            if nulls.is_some_and(|nulls| nulls.is_null(item)) {
                return Some(0);
            }
            let key = usize::try_from(*key).ok()?;
            let index = self.indices.get_mut(key)?;
            if *index == NOT_MET {
                *index = taxa.index(texts.value(key))?;
            }
            Some(*index)
        };
        let keys = codes.keys().values().iter().enumerate();
        let indices = keys.map(&mut index).collect::<Option<Vec<u32>>>()?;
        Some(Arc::new(UInt32Array::new(indices.into(), nulls.cloned())))
    }

    /// Forgets what was met if this is another dictionary: each row group has its own.
    fn follow(&mut self, codes: &DictionaryArray<Int32Type>) {
        let values = codes.values();
        if !self.has(values) {
            self.indices.clear();
            self.indices.resize(values.len(), NOT_MET);
            self.dictionary = Some(Arc::clone(values));
        }
    }

    /// Whether this is the present dictionary: the same memory, which is held here.
    fn has(&self, values: &ArrayRef) -> bool {
        let known = self.dictionary.as_ref();
        known.is_some_and(|known| known.to_data().ptr_eq(&values.to_data()))
    }

    /// Bytes of `codes` that are new: those of a dictionary count once.
    pub(super) fn new_bytes(&self, codes: &ArrayRef) -> usize {
        let items = codes.as_list_opt::<i32>().map_or(codes, |lists| lists.values());
        let dictionary = items.as_dictionary_opt::<Int32Type>().map(DictionaryArray::values);
        let known = dictionary.filter(|values| self.has(values));
        let known_bytes = known.map_or(0, |values| values.get_array_memory_size());
        codes.get_array_memory_size().saturating_sub(known_bytes)
    }
}
