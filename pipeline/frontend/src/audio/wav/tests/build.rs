//! Puts WAV files together from their parts, right or wrong.

/// A chunk of RIFF.
pub(super) fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = unpadded(id, body);
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

/// A chunk without its pad byte.
pub(super) fn unpadded(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    sized(id, body.len() as u32, body)
}

/// A chunk that declares `bytes` bytes.
pub(super) fn sized(id: &[u8; 4], bytes: u32, body: &[u8]) -> Vec<u8> {
    [id.as_slice(), &bytes.to_le_bytes(), body].concat()
}

/// A RIFF file of chunks; its size is right.
pub(super) fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [
        b"RIFF".as_slice(),
        &(body.len() as u32 + 4).to_le_bytes(),
        b"WAVE",
        &body,
    ]
    .concat()
}

/// A chunk of Wave64, whose size counts its header.
pub(super) fn chunk64(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = sized64(id, body.len() as u64 + 24, body);
    chunk.resize(chunk.len().next_multiple_of(8), 0);
    chunk
}

/// A chunk of Wave64 that declares `size` bytes.
pub(super) fn sized64(id: &[u8; 4], size: u64, body: &[u8]) -> Vec<u8> {
    let tail: &[u8] = match id {
        b"riff" => b"\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0",
        b"list" => b"\x2f\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0",
        _ => b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a",
    };
    [id.as_slice(), tail, &size.to_le_bytes(), body].concat()
}

/// A Wave64 file of chunks.
pub(super) fn wave64(chunks: &[Vec<u8>]) -> Vec<u8> {
    let wave = [b"wave".as_slice(), b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a"].concat();
    let body = [wave, chunks.concat()].concat();
    sized64(b"riff", body.len() as u64 + 24, &body)
}

/// A `ds64` chunk's body.
pub(super) fn sizes64(riff: u64, data: u64, frames: u64) -> Vec<u8> {
    [
        &riff.to_le_bytes()[..],
        &data.to_le_bytes(),
        &frames.to_le_bytes(),
        &[0; 4],
    ]
    .concat()
}

/// The fields of a format chunk.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) tag: u16,
    pub(super) channels: u16,
    pub(super) rate_hz: u32,
    pub(super) byte_rate: u32,
    pub(super) block: u16,
    pub(super) bits: u16,
    pub(super) extension: Vec<u8>,
}

impl Fields {
    /// Fields that agree.
    pub(super) fn new(tag: u16, channels: u16, rate_hz: u32, bits: u16) -> Self {
        let block = channels * bits.div_ceil(8);
        let byte_rate = rate_hz.wrapping_mul(u32::from(block));
        Self {
            tag,
            channels,
            rate_hz,
            byte_rate,
            block,
            bits,
            extension: Vec::new(),
        }
    }

    /// Those of an extensible format of the codec `tag`.
    pub(super) fn extensible(tag: u16, channels: u16, rate_hz: u32, bits: u16, valid_bits: u16) -> Self {
        let guid = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
        let extension = [
            &[22, 0][..],
            &valid_bits.to_le_bytes(),
            &[0; 4],
            &tag.to_le_bytes(),
            guid,
        ]
        .concat();
        Self {
            extension,
            ..Self::new(0xfffe, channels, rate_hz, bits)
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.tag.to_le_bytes());
        bytes.extend(self.channels.to_le_bytes());
        bytes.extend(self.rate_hz.to_le_bytes());
        bytes.extend(self.byte_rate.to_le_bytes());
        bytes.extend(self.block.to_le_bytes());
        bytes.extend(self.bits.to_le_bytes());
        bytes.extend(&self.extension);
        bytes
    }

    pub(super) fn chunk(&self) -> Vec<u8> {
        chunk(b"fmt ", &self.bytes())
    }
}

/// The format chunk of 16 bits at 8 kHz.
pub(super) fn plain() -> Vec<u8> {
    Fields::new(1, 1, 8000, 16).chunk()
}

/// Values that fill their range, do not repeat soon, and hold no chunk's code.
pub(super) fn values(count: usize) -> Vec<i16> {
    (0..count as i32)
        .map(|index| ((index * 7919 + 13) % 60_000 - 30_000) as i16 | 1)
        .collect()
}

/// Little-endian bytes of 16-bit samples.
pub(super) fn le16(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// What a decoder makes of 16-bit samples.
pub(super) fn decoded(values: &[i16]) -> Vec<f32> {
    values.iter().map(|&value| f32::from(value) / 32_768.0).collect()
}
