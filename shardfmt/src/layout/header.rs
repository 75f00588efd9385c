//! Provides the header's one canonical form: layout to bytes, and bytes to layout by writing them again and comparing.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{ClipSpec, Dtype, LENGTH_FIELD_BYTES, Layout, MAX_HEADER_BYTES, PAGE_BYTES, SHARD_VERSION, TailTensor};
use crate::checksum::Xxh3;
use crate::error::{Error, Result};

impl Layout {
    /// The canonical header: length field, JSON, padding; [`Layout::data_offset`] bytes.
    ///
    /// # Errors
    /// As [`Layout::validate`].
    pub fn encode(&self, path: &Path) -> Result<Vec<u8>> {
        self.validate(path)?;
        let checksum = Xxh3::of(&self.padded(Xxh3::default()));
        Ok(self.padded(checksum))
    }

    /// Reads the header at the start of `bytes`, which may go on behind it.
    ///
    /// # Errors
    /// An [`Error`] that names `path` for anything but a canonical header of a known version and known features.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let header = header_bytes(bytes, path)?;
        let json = header.get(LENGTH_FIELD_BYTES as usize..).unwrap_or_default();
        let parsed = Parsed::from_json(json, path)?;
        let layout = parsed.layout;
        let fail = |e: Error| Error::Header {
            path: path.to_path_buf(),
            reason: e.to_string(),
        };
        let canonical = layout.encode(path).map_err(fail)?;
        if canonical == header {
            return Ok(layout);
        }
        // If the content still has the stored checksum, the difference is one of form.
        let got = Xxh3::of(&layout.padded(Xxh3::default()));
        if got != parsed.header_xxh3 {
            return Err(Error::HeaderChecksum {
                path: path.to_path_buf(),
                expected: parsed.header_xxh3,
                got,
            });
        }
        let same = canonical.iter().zip(header).take_while(|(a, b)| a == b).count();
        Err(Error::HeaderNotCanonical {
            path: path.to_path_buf(),
            offset: same as u64,
        })
    }

    /// The header with `checksum` in its checksum field.
    fn padded(&self, checksum: Xxh3) -> Vec<u8> {
        let offset = self.data_offset();
        let mut header = (offset - LENGTH_FIELD_BYTES).to_le_bytes().to_vec();
        header.extend(self.json(self.rows, checksum).bytes());
        header.resize(offset as usize, b' ');
        header
    }

    /// The JSON part in canonical form, without padding.
    pub(super) fn json(&self, rows: u64, header_xxh3: Xxh3) -> String {
        let mut json = format!(
            "{{\"__metadata__\":{{\"l48.format\":\"shard\",\"l48.version\":\"{SHARD_VERSION}\",\
             \"l48.features_required\":\"\",\"l48.features_optional\":{},\
             \"l48.header_xxh3\":\"{}\",\"l48.tail_xxh3\":\"{}\"",
            quoted(&self.features_optional.join(",")),
            header_xxh3,
            self.tail_xxh3,
        );
        for (key, value) in &self.metadata {
            json.push_str(&format!(",{}:{}", quoted(key), quoted(value)));
        }
        json.push('}');
        let dimensions: String = self
            .spec
            .dimensions()
            .iter()
            .map(|dimension| format!(",{dimension}"))
            .collect();
        let mut start = 0;
        let mut end = rows.saturating_mul(self.spec.clip_bytes() as u64);
        json.push_str(&tensor_json(
            "clips",
            self.spec.dtype.name(),
            &format!("{rows}{dimensions}"),
            start,
            end,
        ));
        for tensor in TailTensor::ALL {
            start = end;
            end = start.saturating_add(rows.saturating_mul(tensor.bytes()));
            json.push_str(&tensor_json(
                tensor.name(),
                tensor.dtype(),
                &rows.to_string(),
                start,
                end,
            ));
        }
        json.push('}');
        json
    }
}

fn tensor_json(name: &str, dtype: &str, shape: &str, start: u64, end: u64) -> String {
    format!(",\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":[{shape}],\"data_offsets\":[{start},{end}]}}")
}

/// A JSON string with the least escaping: quote, backslash and control characters only.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The header region of `bytes`, once its length field is plausible.
fn header_bytes<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a [u8]> {
    let present = bytes.len() as u64;
    let too_short = |expected| Error::ShardTooShort {
        path: path.to_path_buf(),
        expected,
        got: present,
    };
    let field = bytes.first_chunk::<8>().ok_or_else(|| too_short(PAGE_BYTES))?;
    let json_bytes = u64::from_le_bytes(*field);
    let wrong = |reason| Error::HeaderLength {
        path: path.to_path_buf(),
        got: json_bytes,
        reason,
    };
    let header = json_bytes
        .checked_add(LENGTH_FIELD_BYTES)
        .ok_or_else(|| wrong("which overflows"))?;
    if header > MAX_HEADER_BYTES {
        return Err(wrong("which is above the cap of 16 MiB"));
    }
    if header % PAGE_BYTES != 0 {
        return Err(wrong("so the clips would not start at a multiple of 4096"));
    }
    bytes.get(..header as usize).ok_or_else(|| too_short(header))
}

/// What is read from the JSON; the rest of it is checked by writing it again and comparing.
struct Parsed {
    layout: Layout,
    header_xxh3: Xxh3,
}

impl Parsed {
    fn from_json(json: &[u8], path: &Path) -> Result<Self> {
        let fail = |reason: String| Error::Header {
            path: path.to_path_buf(),
            reason,
        };
        let root: Value = serde_json::from_slice(json).map_err(|e| fail(format!("not JSON: {e}")))?;
        let mut metadata = BTreeMap::new();
        let entries = root.get("__metadata__").and_then(Value::as_object);
        for (key, value) in entries.ok_or_else(|| fail("no __metadata__ object".into()))? {
            let text = value
                .as_str()
                .ok_or_else(|| fail(format!("metadata {key:?} is not a string")))?;
            metadata.insert(key.clone(), text.to_owned());
        }
        let mut take = |key: &str| metadata.remove(key).ok_or_else(|| fail(format!("no metadata {key:?}")));
        if take("l48.format")? != "shard" {
            return Err(fail("\"l48.format\" is not \"shard\"".into()));
        }
        let version = take("l48.version")?;
        if version != SHARD_VERSION.to_string() {
            return Err(Error::UnsupportedVersion {
                path: path.to_path_buf(),
                supported: SHARD_VERSION,
                got: version,
            });
        }
        if let Some(feature) = feature_list(&take("l48.features_required")?).into_iter().next() {
            return Err(Error::UnsupportedFeature {
                path: path.to_path_buf(),
                feature,
            });
        }
        let features_optional = feature_list(&take("l48.features_optional")?);
        let mut take_xxh3 = |key: &str| {
            let parsed = take(key)?.parse::<Xxh3>();
            parsed.map_err(|e| fail(format!("{key:?}: {e}")))
        };
        let header_xxh3 = take_xxh3("l48.header_xxh3")?;
        let tail_xxh3 = take_xxh3("l48.tail_xxh3")?;
        let (spec, rows) = clips_tensor(&root).map_err(|reason| fail(format!("tensor \"clips\": {reason}")))?;
        Ok(Self {
            layout: Layout {
                spec,
                rows,
                metadata,
                tail_xxh3,
                features_optional,
            },
            header_xxh3,
        })
    }
}

fn feature_list(text: &str) -> Vec<String> {
    if text.is_empty() {
        Vec::new()
    } else {
        text.split(',').map(str::to_owned).collect()
    }
}

/// Spec and row count from the `clips` entry.
fn clips_tensor(root: &Value) -> std::result::Result<(ClipSpec, u64), &'static str> {
    let clips = root.get("clips").ok_or("missing")?;
    let dtype = clips
        .get("dtype")
        .and_then(Value::as_str)
        .and_then(Dtype::from_name)
        .ok_or("dtype is not U8, F16, F32")?;
    let shape = clips.get("shape").and_then(Value::as_array).ok_or("no shape")?;
    let shape: Option<Vec<u64>> = shape.iter().map(Value::as_u64).collect();
    let small = |dimension: u64| u32::try_from(dimension).map_err(|_| "a dimension exceeds 32 bits");
    match *shape.ok_or("shape is not a list of whole numbers")?.as_slice() {
        [rows, height, width] => Ok((
            ClipSpec {
                dtype,
                channels: None,
                height: small(height)?,
                width: small(width)?,
            },
            rows,
        )),
        [rows, channels, height, width] => {
            let channels = Some(small(channels)?);
            Ok((
                ClipSpec {
                    dtype,
                    channels,
                    height: small(height)?,
                    width: small(width)?,
                },
                rows,
            ))
        }
        _ => Err("shape has neither 3 nor 4 dimensions"),
    }
}
