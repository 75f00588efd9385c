//! Defines `Files`, the files under one location: asked for, read, written and listed in the same way wherever they
//! are.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use shardfmt::Xxh3;
use shardfmt::checksum::FileHash;

use crate::Store;
use crate::error::Result;
use crate::folder::Folder;
use crate::location::Location;

/// Size and version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Size in bytes.
    pub bytes: u64,
    /// A text that is another one when the file is: the store's own, or its time of change.
    pub version: String,
    /// The checksum that was stored beside the file by [`Files::upload`], where the store keeps such.
    pub xxh3: Option<Xxh3>,
}

/// How a file came to be in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was written.
    Written,
    /// It was there with the same bytes.
    WasThere,
}

/// The files under one location.
#[derive(Clone, Debug)]
pub struct Files {
    place: Place,
    base: Location,
}

#[derive(Clone, Debug)]
enum Place {
    Folder(Folder),
    Store(Store),
}

/// Gives the call to the folder or to the store.
macro_rules! at {
    ($files:expr, $place:ident => $call:expr) => {
        match &$files.place {
            Place::Folder($place) => $call,
            Place::Store($place) => $call,
        }
    };
}

impl Files {
    /// The files under `base`; nothing is asked for yet.
    ///
    /// # Errors
    /// [`Error::NotBuilt`](crate::Error::NotBuilt) for an address, without the feature `cloud`;
    /// [`Error::Store`](crate::Error::Store) for settings that do not make a client.
    pub fn under(base: &Location) -> Result<Self> {
        let place = match base {
            Location::Path(path) => Place::Folder(Folder::at(path)),
            Location::Address(address) => Place::Store(Store::at(address)?),
        };
        Ok(Self {
            place,
            base: base.clone(),
        })
    }

    /// The location that they are under.
    #[must_use]
    pub fn base(&self) -> &Location {
        &self.base
    }

    /// Where the file `name` is; an empty name is the base itself.
    #[must_use]
    pub fn location(&self, name: &str) -> Location {
        match name {
            "" => self.base.clone(),
            name => self.base.join(name),
        }
    }

    /// Size and version of the file `name`.
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing), [`Error::NoBucket`](crate::Error::NoBucket),
    /// [`Error::StoreDenied`](crate::Error::StoreDenied), [`Error::Store`](crate::Error::Store);
    /// [`Error::Away`](crate::Error::Away) after ten minutes of trying (`L48_STORE_SECONDS`); so for the other calls.
    pub fn facts(&self, name: &str) -> Result<Facts> {
        at!(self, place => place.facts(name))
    }

    /// The bytes in `range` of the file `name`, all of them.
    ///
    /// # Errors
    /// As [`Files::facts`]; [`Error::Changed`](crate::Error::Changed) if it is not of `version` any more.
    pub fn range(&self, name: &str, range: Range<u64>, version: Option<&str>) -> Result<Vec<u8>> {
        at!(self, place => place.range(name, range, version))
    }

    /// The whole file `name`, into memory; refused beyond `limit` bytes.
    ///
    /// # Errors
    /// As [`Files::facts`]; [`Error::Unlike`](crate::Error::Unlike) for a larger file.
    pub fn whole(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let (facts, small) = at!(self, place => place.begin(name))?;
        if facts.bytes > limit {
            return Err(crate::Error::Unlike {
                url: self.location(name).to_string(),
                expected: format!("at most {limit} bytes"),
                got: format!("{} bytes", facts.bytes),
            });
        }
        if let Some(bytes) = small {
            return Ok(bytes);
        }
        let mut bytes = Vec::new();
        self.download(name, &facts, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes the whole file `name`, of which `facts` are known, to `to`, in constant memory, and returns what was
    /// written.
    ///
    /// # Errors
    /// As [`Files::range`]; [`Error::Unlike`](crate::Error::Unlike) if it has another size;
    /// [`Error::Dataset`](crate::Error::Dataset) if `to` does not take it.
    pub fn download(&self, name: &str, facts: &Facts, to: &mut dyn Write) -> Result<FileHash> {
        at!(self, place => place.download(name, facts, to))
    }

    /// Writes the file `from`, of which `hash` is known, to `name`, over what is there; a file is there whole or not
    /// at all.
    ///
    /// # Errors
    /// As [`Files::facts`]; [`Error::Unlike`](crate::Error::Unlike) if what has arrived is something else.
    pub fn upload(&self, name: &str, from: &Path, hash: FileHash) -> Result<()> {
        at!(self, place => place.upload(name, from, hash))
    }

    /// Writes `bytes` to `name` if nothing is there. Of several writers of one name one wins.
    ///
    /// # Errors
    /// [`Error::Taken`](crate::Error::Taken) if other bytes are there; as [`Files::facts`].
    pub fn create(&self, name: &str, bytes: &[u8]) -> Result<Placed> {
        at!(self, place => place.create(name, bytes))
    }

    /// Removes the file `name`; one that is not there is removed.
    ///
    /// # Errors
    /// As [`Files::facts`].
    pub fn remove(&self, name: &str) -> Result<()> {
        at!(self, place => place.remove(name))
    }

    /// The names of all files whose path starts with the folder `under` (empty: all), with their sizes, sorted.
    ///
    /// # Errors
    /// As [`Files::facts`]; web servers have no lists.
    pub fn list(&self, under: &str) -> Result<Vec<(String, u64)>> {
        at!(self, place => place.list(under))
    }
}
