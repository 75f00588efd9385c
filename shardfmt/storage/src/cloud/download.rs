//! Provides the reading of files: in pieces, several at once, each asked for again where it was cut off.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{Error as Answer, GetOptions, GetRange, ObjectStoreExt};
use shardfmt::checksum::{FileHash, HashedWriter};

use super::connect::Client;
use super::retry::{Tries, Verdict, insist, verdict};
use super::{PIECE_BYTES, PIECES, key, version};
use crate::error::{Error, Result, Step};
use crate::files::Facts;
use crate::folder::local;
use crate::location::Address;

/// What the library says of a server that sends whole files only.
const WHOLE_ONLY: [&str; 2] = ["non-partial response", "Range request not supported"];

/// The bytes in `range`.
pub(super) async fn piece(
    client: &Client,
    address: &Address,
    range: Range<u64>,
    known: Option<&str>,
) -> Result<Vec<u8>> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let key = key(address)?;
    let mut tries = Tries::start(address, Step::Read)?;
    let wanted = range.end - range.start;
    loop {
        let attempt = async {
            let options = GetOptions {
                range: Some(GetRange::Bounded(range.clone())),
                ..GetOptions::default()
            };
            let found = client.store.get_opts(&key, options).await?;
            let is_known = known.is_none_or(|known| known == version(&found.meta));
            let bytes = found.bytes().await?;
            Ok::<_, Answer>((is_known, bytes))
        };
        let verdict = match attempt.await {
            Ok((false, _)) => Verdict::Final(changed(address)),
            Ok((true, bytes)) if bytes.len() as u64 == wanted => return Ok(bytes.into()),
            Ok((true, bytes)) => Verdict::Again(format!("{} bytes of {wanted} arrived", bytes.len()), u32::MAX),
            Err(answer) if is_whole_only(&answer) => {
                let mut cut = Cut {
                    skip: range.start,
                    kept: Vec::new(),
                    wanted: usize::try_from(wanted).unwrap_or(usize::MAX),
                };
                stream_into(client, address, known, &mut cut).await?;
                return Ok(cut.kept);
            }
            Err(answer) => verdict(address, Step::Read, &answer),
        };
        tries.after(verdict).await?;
    }
}

/// The whole file, into `to`.
pub(super) async fn whole(client: &Client, address: &Address, facts: &Facts, to: &mut dyn Write) -> Result<FileHash> {
    let mut hashed = HashedWriter::new(to);
    let starts = (0..facts.bytes.div_ceil(PIECE_BYTES)).map(|number| number * PIECE_BYTES);
    let known = Some(facts.version.as_str());
    if serves_pieces(client, address, facts).await? {
        let pieces = starts.map(|start| {
            let end = facts.bytes.min(start.saturating_add(PIECE_BYTES));
            piece(client, address, start..end, known)
        });
        let mut pieces = stream::iter(pieces).buffered(PIECES);
        while let Some(bytes) = pieces.try_next().await? {
            let written = hashed.write_all(&bytes);
            written.map_err(|cause| not_taken(address, cause))?;
        }
    } else {
        stream_into(client, address, known, &mut hashed).await?;
    }
    let (_, hash) = hashed.finish();
    if hash.bytes == facts.bytes {
        return Ok(hash);
    }
    Err(Error::Unlike {
        url: address.to_string(),
        expected: format!("{} bytes", facts.bytes),
        got: format!("{} bytes", hash.bytes),
    })
}

/// Whether a large file can be had in pieces; a small one is one piece, whatever the server can do.
async fn serves_pieces(client: &Client, address: &Address, facts: &Facts) -> Result<bool> {
    if address.scheme().is_store() || facts.bytes <= PIECE_BYTES {
        return Ok(true);
    }
    let key = key(address)?;
    let asked = insist(address, Step::Read, || async {
        match client.store.get_range(&key, 0..1).await {
            Ok(_) => Ok(true),
            Err(answer) if is_whole_only(&answer) => Ok(false),
            Err(answer) => Err(answer),
        }
    });
    asked.await
}

/// The whole file from a server that knows no ranges. After a cut it is asked for anew, and what was written is
/// skipped.
async fn stream_into(client: &Client, address: &Address, known: Option<&str>, to: &mut dyn Write) -> Result<()> {
    let key = key(address)?;
    let mut tries = Tries::start(address, Step::Read)?;
    let mut written = 0_u64;
    loop {
        let answer = match client.store.get(&key).await {
            Ok(found) if known.is_some_and(|known| known != version(&found.meta)) => return Err(changed(address)),
            Ok(found) => {
                let mut skip = written;
                let mut bytes = found.into_stream();
                loop {
                    match bytes.try_next().await {
                        Ok(None) => return Ok(()),
                        Ok(Some(piece)) => {
                            let skipped = skip.min(piece.len() as u64);
                            skip -= skipped;
                            let rest = piece.get(skipped as usize..).unwrap_or_default();
                            to.write_all(rest).map_err(|cause| not_taken(address, cause))?;
                            written += rest.len() as u64;
                        }
                        Err(answer) => break answer,
                    }
                }
            }
            Err(answer) => answer,
        };
        tries.after(meaning(address, &answer)).await?;
    }
}

fn is_whole_only(answer: &Answer) -> bool {
    let text = answer.to_string();
    WHOLE_ONLY.iter().any(|words| text.contains(words))
}

fn meaning(address: &Address, answer: &Answer) -> Verdict {
    verdict(address, Step::Read, answer)
}

fn changed(address: &Address) -> Error {
    Error::Changed {
        url: address.to_string(),
    }
}

/// The error of a file here that did not take what came from `address`.
fn not_taken(address: &Address, cause: std::io::Error) -> Error {
    local(
        Path::new(&format!("the copy of {address}")),
        shardfmt::Operation::Write,
        cause,
    )
}

/// A writer that keeps what is behind the first `skip` bytes, up to `wanted` of it.
struct Cut {
    skip: u64,
    kept: Vec<u8>,
    wanted: usize,
}

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        let rest = bytes.get(skipped as usize..).unwrap_or_default();
        let room = self.wanted - self.kept.len();
        self.kept
            .extend_from_slice(rest.get(..room.min(rest.len())).unwrap_or_default());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
