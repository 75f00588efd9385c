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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use arrow_array::{Int32Array, StringArray};
    use arrow_buffer::OffsetBuffer;

    use super::*;
    use crate::taxa::Taxon;

    fn taxa(codes: &[&str]) -> Taxa {
        let taxon = |code: &&str| Taxon {
            species_code: (*code).to_owned(),
            common_name: None,
            scientific_name: None,
        };
        Taxa::new(codes.iter().map(taxon).collect()).unwrap()
    }

    fn texts(codes: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(codes))
    }

    fn column(dictionary: &ArrayRef, keys: Vec<Option<i32>>) -> ArrayRef {
        Arc::new(DictionaryArray::new(Int32Array::from(keys), Arc::clone(dictionary)))
    }

    fn values(array: &ArrayRef) -> Vec<Option<u32>> {
        let indices: &UInt32Array = array.as_any().downcast_ref().unwrap();
        indices.iter().collect()
    }

    #[test]
    fn a_dictionary_is_followed_until_there_is_another() {
        let taxa = taxa(&["a", "b", "c"]);
        let mut codes = ClassCodes::default();
        let first = texts(&["c", "a"]);
        let keys = vec![Some(0), None, Some(1), Some(0)];
        let found = codes.look_up(&column(&first, keys.clone()), &taxa);
        assert_eq!(values(&found), [Some(2), None, Some(0), Some(2)]);
        // The same numbers of another dictionary of the same size.
        let second = texts(&["b", "c"]);
        let found = codes.look_up(&column(&second, keys.clone()), &taxa);
        assert_eq!(values(&found), [Some(1), None, Some(2), Some(1)]);
        let found = codes.look_up(&column(&first, keys), &taxa);
        assert_eq!(values(&found), [Some(2), None, Some(0), Some(2)]);
    }

    #[test]
    fn lists_keep_their_bounds_and_nulls() {
        let taxa = taxa(&["a", "b"]);
        let items = column(&texts(&["b", "a"]), vec![Some(0), Some(1), Some(1)]);
        let item = Arc::new(Field::new("element", items.data_type().clone(), false));
        let nulls = vec![true, false, true].into();
        let lists = ListArray::new(item, OffsetBuffer::from_lengths([2, 0, 1]), items, Some(nulls));
        let found = ClassCodes::default().look_up(&(Arc::new(lists) as ArrayRef), &taxa);
        let found = found.as_list::<i32>();
        assert_eq!((found.is_null(1), found.len()), (true, 3));
        assert_eq!(
            [values(&found.value(0)), values(&found.value(2))],
            [vec![Some(1), Some(0)], vec![Some(0)]]
        );
    }

    #[test]
    fn a_column_with_a_code_that_is_no_class_stays_as_it_is() {
        let taxa = taxa(&["a"]);
        let mut codes = ClassCodes::default();
        let unknown = column(&texts(&["a", "zz"]), vec![Some(0), Some(1)]);
        assert_eq!(codes.look_up(&unknown, &taxa).data_type(), unknown.data_type());
        // One that the dictionary has, but no row, is none.
        let unused = column(&texts(&["a", "zz"]), vec![Some(0)]);
        assert_eq!(values(&codes.look_up(&unused, &taxa)), [Some(0)]);
    }

    #[test]
    fn bytes_of_a_dictionary_count_once() {
        let taxa = taxa(&["a"]);
        let mut codes = ClassCodes::default();
        let dictionary = texts(&["a"; 1000]);
        let array = column(&dictionary, vec![Some(7)]);
        let all = codes.new_bytes(&array);
        codes.look_up(&array, &taxa);
        let again = codes.new_bytes(&column(&dictionary, vec![Some(8)]));
        assert_eq!(all - again, dictionary.get_array_memory_size());
        assert!(again < 1000 && all > 1000, "{again} of {all}");
    }
}
