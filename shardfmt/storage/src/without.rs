//! Defines `Store` for a program without clients of stores: it cannot be had.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use shardfmt::checksum::FileHash;

use crate::error::{Error, Result};
use crate::files::{Facts, Placed};
use crate::location::Address;

#[derive(Clone, Debug)]
pub(crate) enum Store {}

impl Store {
    pub(crate) fn at(address: &Address) -> Result<Self> {
        Err(Error::NotBuilt {
            url: address.to_string(),
        })
    }

    pub(crate) fn facts(&self, _name: &str) -> Result<Facts> {
        match *self {}
    }

    pub(crate) fn begin(&self, _name: &str) -> Result<(Facts, Option<Vec<u8>>)> {
        match *self {}
    }

    pub(crate) fn range(&self, _name: &str, _range: Range<u64>, _version: Option<&str>) -> Result<Vec<u8>> {
        match *self {}
    }

    pub(crate) fn download(&self, _name: &str, _facts: &Facts, _to: &mut dyn Write) -> Result<FileHash> {
        match *self {}
    }

    pub(crate) fn upload(&self, _name: &str, _from: &Path, _hash: FileHash) -> Result<()> {
        match *self {}
    }

    pub(crate) fn create(&self, _name: &str, _bytes: &[u8]) -> Result<Placed> {
        match *self {}
    }

    pub(crate) fn remove(&self, _name: &str) -> Result<()> {
        match *self {}
    }

    pub(crate) fn list(&self, _under: &str) -> Result<Vec<(String, u64)>> {
        match *self {}
    }
}
