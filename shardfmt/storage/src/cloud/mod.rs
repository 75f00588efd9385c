//! Defines `Store`, files in an object store or on a web server, behind calls that block.

mod connect;
mod create;
mod download;
mod profile;
mod retry;
mod runtime;
mod upload;

use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{Attribute, Error as Answer, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStoreExt};
use shardfmt::checksum::FileHash;

use self::connect::Client;
use self::retry::insist;
use crate::error::{Error, Result, Step};
use crate::files::{Facts, Placed};
use crate::location::{Address, Location};

/// Bytes of a piece of a file that is asked for or sent at once, and how many of them are on the way.
const PIECE_BYTES: u64 = 8 << 20;
const PIECES: usize = 4;
/// Name of the checksum among a file's metadata; letters and digits only, as Azure wants.
const XXH3: &str = "l48xxh3";

/// Files in a store or on a server.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    base: Address,
    /// Whether the bucket is known to be there.
    bucket_seen: Arc<AtomicBool>,
}

impl Store {
    pub(crate) fn at(base: &Address) -> Result<Self> {
        let store = Self {
            base: base.clone(),
            bucket_seen: Arc::default(),
        };
        store.client()?;
        Ok(store)
    }

    fn client(&self) -> Result<Client> {
        connect::client_of(&self.base)
    }

    /// The address of the file `name`.
    fn address(&self, name: &str) -> Address {
        match Location::Address(self.base.clone()).join(name) {
            Location::Address(address) if !name.is_empty() => address,
            _ => self.base.clone(),
        }
    }

    pub(crate) fn facts(&self, name: &str) -> Result<Facts> {
        let address = self.address(name);
        let result = runtime::wait_for(async {
            let key = key(&address)?;
            let client = self.client()?;
            let head = || {
                let options = GetOptions {
                    head: true,
                    ..GetOptions::default()
                };
                client.store.get_opts(&key, options)
            };
            let found = insist(&address, Step::Find, head).await;
            let is_refused = matches!(found, Err(Error::StoreDenied { .. } | Error::Store { .. }));
            if address.scheme().is_store() || !is_refused {
                return found.map(|found| facts(&found));
            }
            // Some servers answer only to GET; a signed address is for one kind of request only.
            let first = || {
                let range = Some(GetRange::Bounded(0..1));
                let options = GetOptions {
                    range,
                    ..GetOptions::default()
                };
                client.store.get_opts(&key, options)
            };
            insist(&address, Step::Find, first).await.map(|found| facts(&found))
        });
        self.with_bucket(result)
    }

    /// Size and version of the file `name`, and all of it if it is small: one request.
    pub(crate) fn begin(&self, name: &str) -> Result<(Facts, Option<Vec<u8>>)> {
        let address = self.address(name);
        let begun = runtime::wait_for(async {
            let key = key(&address)?;
            let client = self.client()?;
            let get = || async {
                let found = client.store.get(&key).await?;
                let facts = facts(&found);
                let small = match facts.bytes <= PIECE_BYTES {
                    true => Some(Vec::from(found.bytes().await?)),
                    false => None,
                };
                Ok::<_, Answer>((facts, small))
            };
            insist(&address, Step::Read, get).await
        });
        self.with_bucket(begun)
    }

    /// Tells a bucket that is missing from a file that is: the answer is the same.
    fn with_bucket<T>(&self, result: Result<T>) -> Result<T> {
        if result.is_ok() {
            self.bucket_seen.store(true, Ordering::Relaxed);
        }
        let is_missing = matches!(result, Err(Error::Missing { .. }));
        if !is_missing || !self.base.scheme().is_store() || self.bucket_seen.load(Ordering::Relaxed) {
            return result;
        }
        let listed = runtime::wait_for(async {
            let client = self.client()?;
            let first = || async {
                let mut names = client.store.list(None);
                names.try_next().await
            };
            insist(&self.base, Step::List, first).await
        });
        match listed {
            Err(error @ Error::NoBucket { .. }) => Err(error),
            Err(Error::Missing { url }) => Err(Error::NoBucket {
                url,
                bucket: self.base.host().to_owned(),
            }),
            // It may be listed by others only.
            _ => {
                self.bucket_seen.store(true, Ordering::Relaxed);
                result
            }
        }
    }

    pub(crate) fn range(&self, name: &str, range: Range<u64>, version: Option<&str>) -> Result<Vec<u8>> {
        let address = self.address(name);
        let client = self.client()?;
        let bytes = runtime::wait_for(download::piece(&client, &address, range, version));
        self.with_bucket(bytes)
    }

    pub(crate) fn download(&self, name: &str, facts: &Facts, to: &mut dyn Write) -> Result<FileHash> {
        let address = self.address(name);
        let client = self.client()?;
        let hash = runtime::wait_for(download::whole(&client, &address, facts, to));
        self.with_bucket(hash)
    }

    pub(crate) fn upload(&self, name: &str, from: &Path, hash: FileHash) -> Result<()> {
        let address = self.address(name);
        address.expect_store()?;
        let client = self.client()?;
        let sent = runtime::wait_for(upload::upload(&client, &address, from, hash));
        self.with_bucket(sent)?;
        // A store may keep less than it was sent, and say that all is well.
        let there = self.facts(name)?;
        if there.bytes == hash.bytes && there.xxh3.is_none_or(|xxh3| xxh3 == hash.xxh3) {
            return Ok(());
        }
        Err(Error::Unlike {
            url: address.to_string(),
            expected: format!("{} bytes", hash.bytes),
            got: format!("{} bytes", there.bytes),
        })
    }

    pub(crate) fn create(&self, name: &str, bytes: &[u8]) -> Result<Placed> {
        let address = self.address(name);
        address.expect_store()?;
        let client = self.client()?;
        let placed = runtime::wait_for(create::create(&client, &address, bytes));
        self.with_bucket(placed)
    }

    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let address = self.address(name);
        address.expect_store()?;
        let client = self.client()?;
        let removed = runtime::wait_for(async {
            let key = key(&address)?;
            insist(&address, Step::Write, || client.store.delete(&key)).await
        });
        match removed {
            Err(Error::Missing { .. }) => Ok(()),
            removed => removed,
        }
    }

    pub(crate) fn list(&self, under: &str) -> Result<Vec<(String, u64)>> {
        let address = self.address(under);
        address.expect_store()?;
        let found: Vec<ObjectMeta> = runtime::wait_for(async {
            let key = key(&address)?;
            let client = self.client()?;
            let all = || client.store.list(Some(&key)).try_collect();
            insist(&address, Step::List, all).await
        })?;
        let base = self.base.path();
        let mut names: Vec<(String, u64)> = found
            .into_iter()
            .filter_map(|meta| {
                let name = meta.location.as_ref().strip_prefix(base)?;
                Some((name.trim_start_matches('/').to_owned(), meta.size))
            })
            .collect();
        names.sort();
        Ok(names)
    }
}

/// The key of an address: in a store as it stands there, on a web server with its escapes read.
fn key(address: &Address) -> Result<Key> {
    let key = match address.scheme().is_store() {
        true => Key::parse(address.path()),
        false => Key::from_url_path(address.path()),
    };
    key.map_err(|cause| Error::Store {
        url: address.to_string(),
        step: Step::Find,
        cause: cause.to_string(),
    })
}

fn facts(found: &GetResult) -> Facts {
    let xxh3 = found.attributes.get(&Attribute::Metadata(XXH3.into()));
    Facts {
        bytes: found.meta.size,
        version: version(&found.meta),
        xxh3: xxh3.and_then(|text| text.parse().ok()),
    }
}

/// What differs where a file differs: the store's own tag, or the time of the last change.
fn version(meta: &ObjectMeta) -> String {
    let changed = || meta.last_modified.timestamp_millis().to_string();
    meta.e_tag.clone().unwrap_or_else(changed)
}
