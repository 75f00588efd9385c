//! Provides the writing of a file where none is: of several writers one wins, and an answer that was lost is settled by
//! reading back.

use object_store::{Error as Answer, ObjectStoreExt, PutMode, PutOptions};
use shardfmt::Xxh3;
use shardfmt::checksum::FileHash;

use super::connect::Client;
use super::key;
use super::retry::{Tries, Verdict, insist, verdict};
use super::upload::attributes;
use crate::error::{Error, Result, Step};
use crate::files::Placed;
use crate::location::Address;

/// Writes `bytes` to `address` if nothing is there.
pub(super) async fn create(client: &Client, address: &Address, bytes: &[u8]) -> Result<Placed> {
    let key = key(address)?;
    let hash = FileHash {
        bytes: bytes.len() as u64,
        xxh3: Xxh3::of(bytes),
    };
    let mut tries = Tries::start(address, Step::Write)?;
    let mut mode = PutMode::Create;
    loop {
        let options = PutOptions {
            mode: mode.clone(),
            attributes: attributes(hash),
            ..PutOptions::default()
        };
        let put = client.store.put_opts(&key, bytes.to_vec().into(), options).await;
        let verdict = match put {
            // Where the store has no condition, the last of two that write at the same time wins, and the other sees it
            // when it reads back.
            Ok(_) if mode == PutMode::Overwrite => match there(client, address).await? {
                Some(found) => return compare(address, bytes, &found, Placed::Written),
                None => Verdict::Again("what was written is not there".into(), u32::MAX),
            },
            Ok(_) => return Ok(Placed::Written),
            Err(Answer::NotImplemented { .. } | Answer::NotSupported { .. }) if mode == PutMode::Create => {
                if let Some(found) = there(client, address).await? {
                    return compare(address, bytes, &found, Placed::WasThere);
                }
                mode = PutMode::Overwrite;
                continue;
            }
            Err(answer) => {
                let verdict = match answer {
                    Answer::Precondition { .. } | Answer::AlreadyExists { .. } => {
                        Verdict::Again("another writer is at it".into(), u32::MAX)
                    }
                    other => verdict(address, Step::Write, &other),
                };
                // It may have been done all the same, by us or by another.
                if let Verdict::Again(..) = &verdict
                    && let Some(found) = there(client, address).await?
                {
                    return compare(address, bytes, &found, Placed::WasThere);
                }
                verdict
            }
        };
        tries.after(verdict).await?;
    }
}

/// What is at `address`.
async fn there(client: &Client, address: &Address) -> Result<Option<Vec<u8>>> {
    let key = key(address)?;
    let read = insist(address, Step::Read, || async {
        client.store.get(&key).await?.bytes().await
    });
    match read.await {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(Error::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn compare(address: &Address, bytes: &[u8], found: &[u8], placed: Placed) -> Result<Placed> {
    if bytes == found {
        return Ok(placed);
    }
    Err(Error::Taken {
        url: address.to_string(),
    })
}
