//! Provides the writing of files: a small one at once, a large one in parts, each sent again where its answer was lost.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as Key;
use object_store::{Attribute, Attributes, Error as Answer, MultipartId, PutMultipartOptions, PutOptions};
use shardfmt::checksum::{FileHash, Hasher};

use super::connect::Client;
use super::retry::insist;
use super::{PIECE_BYTES, PIECES, XXH3, key};
use crate::error::{Result, Step};
use crate::folder::{local, unlike};
use crate::location::Address;

/// Parts that a file may have (S3 allows 10,000): larger files have larger parts.
const MOST_PARTS: u64 = 9_000;

/// Writes the file `from` to `address`.
pub(super) async fn upload(client: &Client, address: &Address, from: &Path, hash: FileHash) -> Result<()> {
    let file = File::open(from).map_err(|cause| local(from, shardfmt::Operation::Open, cause))?;
    let mut source = Source {
        file,
        path: from,
        hasher: Hasher::default(),
    };
    let key = key(address)?;
    match &client.parts {
        Some(parts) if hash.bytes > PIECE_BYTES => {
            let large = Large {
                parts,
                address,
                key: &key,
            };
            large.upload(&mut source, hash).await
        }
        _ => {
            let bytes = source.next(PIECE_BYTES.max(hash.bytes))?;
            source.check(hash)?;
            let put = || {
                let options = PutOptions {
                    attributes: attributes(hash),
                    ..PutOptions::default()
                };
                client.store.put_opts(&key, bytes.clone().into(), options)
            };
            insist(address, Step::Write, put).await.map(|_| ())
        }
    }
}

/// What is stored beside a file.
pub(super) fn attributes(hash: FileHash) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::Metadata(XXH3.into()), hash.xxh3.to_string().into());
    attributes
}

/// A file that is sent, hashed on the way.
struct Source<'a> {
    file: File,
    path: &'a Path,
    hasher: Hasher,
}

impl Source<'_> {
    fn next(&mut self, bytes: u64) -> Result<Bytes> {
        let mut piece = Vec::new();
        let read = (&mut self.file).take(bytes).read_to_end(&mut piece);
        read.map_err(|cause| local(self.path, shardfmt::Operation::Read, cause))?;
        self.hasher.update(&piece);
        Ok(piece.into())
    }

    /// Refuses a file that is not what it was.
    fn check(&self, expected: FileHash) -> Result<()> {
        match self.hasher.finish() {
            got if got == expected => Ok(()),
            got => Err(unlike(self.path.display().to_string(), expected, got)),
        }
    }
}

/// A large file on its way.
struct Large<'a> {
    parts: &'a Arc<dyn MultipartStore>,
    address: &'a Address,
    key: &'a Key,
}

impl Large<'_> {
    async fn upload(&self, source: &mut Source<'_>, hash: FileHash) -> Result<()> {
        let id = insist(self.address, Step::Write, || self.begin(hash)).await?;
        let sent = self.send(&id, source, hash).await;
        if sent.is_err() {
            // What a store keeps of it beyond this is for its lifecycle rules.
            let _ = self.parts.abort_multipart(self.key, &id).await;
        }
        sent
    }

    async fn begin(&self, hash: FileHash) -> std::result::Result<MultipartId, Answer> {
        let options = PutMultipartOptions {
            attributes: attributes(hash),
            ..PutMultipartOptions::default()
        };
        match self.parts.create_multipart_opts(self.key, options).await {
            // Azure takes no metadata here.
            Err(Answer::NotSupported { .. }) => self.parts.create_multipart(self.key).await,
            begun => begun,
        }
    }

    async fn send(&self, id: &MultipartId, source: &mut Source<'_>, hash: FileHash) -> Result<()> {
        let part_bytes = PIECE_BYTES.max(hash.bytes.div_ceil(MOST_PARTS));
        let count = hash.bytes.div_ceil(part_bytes);
        // Read in order, just before each is sent.
        let pieces = (0..count).map(|number| (number, source.next(part_bytes)));
        let sent = stream::iter(pieces).map(|(number, piece)| async move {
            let piece = piece?;
            let put = || self.parts.put_part(self.key, id, number as usize, piece.clone().into());
            insist(self.address, Step::Write, put).await
        });
        let parts: Vec<PartId> = sent.buffered(PIECES).try_collect().await?;
        source.check(hash)?;
        let mut tries = 0;
        let complete = || {
            tries += 1;
            self.parts.complete_multipart(self.key, id, parts.clone())
        };
        match insist(self.address, Step::Write, complete).await {
            // Done by a try whose answer was lost; the caller looks at what is there.
            Err(crate::Error::Missing { .. } | crate::Error::Store { .. }) if tries > 1 => Ok(()),
            done => done.map(|_| ()),
        }
    }
}
