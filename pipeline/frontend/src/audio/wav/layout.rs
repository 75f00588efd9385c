//! Works out how the bytes of the samples become frames, from the fields of the format chunk that must agree on it.
//!
//! Channels, bits, bytes a frame, bytes a second and the rate depend on each other. Where all agree but one, and it is
//! clear which, that one is bookkeeping; where it is not clear, the sound may have another speed or other channels,
//! and the file is refused.

use super::format::{Codec, Format};
use super::wrong;
use crate::audio::note::{Note, Notes};
use crate::audio::reject::Reject;

/// The most channels, those of the largest microphone arrays with room to spare.
const MAX_CHANNELS: u16 = 256;

/// How bytes become frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) codec: Codec,
    pub(super) rate_hz: u32,
    pub(super) channels: u16,
    /// Bytes of a sample of one channel; 0 for ADPCM.
    pub(super) sample_bytes: u16,
    /// Bits of PCM samples that have fewer than their bytes.
    pub(super) narrow_bits: Option<u16>,
    /// Bytes of a block: for ADPCM of many frames, else of one.
    pub(super) block_bytes: u64,
    pub(super) block_frames: u64,
}

impl Layout {
    /// Works it out.
    ///
    /// # Errors
    ///
    /// [`Reject::Header`] where the fields contradict each other, [`Reject::Unsupported`] for other widths.
    pub(super) fn new(format: &Format, notes: &mut Notes) -> Result<Self, Reject> {
        if !(1..=MAX_CHANNELS).contains(&format.channels) {
            return Err(wrong(format!("it has {} channels", format.channels)));
        }
        if format.rate_hz == 0 {
            return Err(wrong("its sampling rate is 0 Hz"));
        }
        match format.codec {
            Codec::MsAdpcm | Codec::ImaAdpcm => adpcm(format, notes),
            _ => uncompressed(format, notes),
        }
    }

    /// Frames of a short block of `bytes` bytes.
    pub(super) fn frames_of_short_block(&self, bytes: u64) -> u64 {
        let channels = u64::from(self.channels);
        match self.codec {
            // Each channel's first 7 bytes have two frames; then four bits have one.
            Codec::MsAdpcm => bytes
                .checked_sub(7 * channels)
                .map_or(0, |rest| 2 + 2 * rest / channels),
            // Each channel's first 4 bytes have one frame; then come four bytes of each channel in turn, of 8 frames.
            Codec::ImaAdpcm => match bytes.checked_sub(4 * channels) {
                Some(rest) if channels == 1 => 1 + 2 * rest,
                Some(rest) => 1 + 8 * (rest / (4 * channels)),
                None => 0,
            },
            _ => 0,
        }
    }
}

fn uncompressed(format: &Format, notes: &mut Notes) -> Result<Layout, Reject> {
    let Format {
        codec, channels, bits, ..
    } = *format;
    let declared = u64::from(format.block_bytes);
    let packed_sample = match codec {
        Codec::ALaw | Codec::MuLaw => 1,
        _ => u64::from(bits.div_ceil(8)),
    };
    let packed = u64::from(channels) * packed_sample;
    if packed == 0 {
        return Err(wrong(format!("it declares {channels} channels of {bits} bits")));
    }
    let (container, odd) = (declared / u64::from(channels), declared % u64::from(channels));
    let wide = codec == Codec::Pcm && odd == 0 && container > packed_sample && container <= 4;
    let block = if wide { declared } else { packed };
    if declared != block && !agrees(format, packed) {
        return Err(wrong(format!(
            "it declares {declared} bytes a frame, but {channels} channels of {bits} bits take {packed}"
        )));
    }
    if format.byte_rate == 0 {
        notes.add(Note::NoByteRate);
    } else if !(agrees(format, block) || block == packed && agrees_in_bits(format)) {
        return Err(wrong(format!(
            "it declares {} bytes a second, but {} Hz at {block} bytes a frame take {}",
            format.byte_rate,
            format.rate_hz,
            u64::from(format.rate_hz) * block
        )));
    }
    if declared != block {
        notes.add(Note::FrameBytes {
            declared,
            actual: block,
        });
    }
    let sample_bytes = (block / u64::from(channels)) as u16;
    let narrow_bits = check_width(format, sample_bytes, notes)?;
    Ok(Layout {
        codec,
        rate_hz: format.rate_hz,
        channels,
        sample_bytes,
        narrow_bits,
        block_bytes: block,
        block_frames: 1,
    })
}

/// Whether the bytes of a second are those of frames of `block` bytes.
fn agrees(format: &Format, block: u64) -> bool {
    u64::from(format.byte_rate) == u64::from(format.rate_hz) * block
}

/// Whether they are those of packed bits, which some programs take.
fn agrees_in_bits(format: &Format) -> bool {
    let bits = u64::from(format.rate_hz) * u64::from(format.channels) * u64::from(format.bits);
    u64::from(format.byte_rate) == bits / 8
}

/// Refuses widths that cannot be decoded; the bits of samples that do not fill their bytes.
fn check_width(format: &Format, sample_bytes: u16, notes: &mut Notes) -> Result<Option<u16>, Reject> {
    let (bits, container) = (format.bits, 8 * sample_bytes);
    match (format.codec, format.valid_bits) {
        (Codec::Float, Some(valid)) if valid != 0 && valid != bits => {
            return Err(wrong(format!(
                "it declares {valid} valid bits of floating-point samples of {bits}"
            )));
        }
        (_, Some(valid)) if valid == 0 || valid > bits => notes.add(Note::ValidBits {
            declared: valid,
            container,
        }),
        _ => {}
    }
    let supported = match format.codec {
        Codec::Float => matches!(bits, 32 | 64),
        Codec::Pcm => bits == 8 && container == 8 || (9..=container).contains(&bits) && container <= 32,
        // Some programs declare the width that they decode to.
        _ => true,
    };
    if !supported {
        let kind = if format.codec == Codec::Float {
            "floating-point"
        } else {
            "integer"
        };
        return Err(Reject::Unsupported {
            what: format!("WAV of {kind} samples of {bits} bits in {sample_bytes} bytes"),
        });
    }
    Ok((format.codec == Codec::Pcm && bits < container).then_some(bits))
}

fn adpcm(format: &Format, notes: &mut Notes) -> Result<Layout, Reject> {
    let Format {
        codec, channels, bits, ..
    } = *format;
    let block_bytes = u64::from(format.block_bytes);
    if channels > 2 || bits != 4 {
        return Err(Reject::Unsupported {
            what: format!("ADPCM in WAV of {channels} channels and {bits} bits"),
        });
    }
    let mut layout = Layout {
        codec,
        rate_hz: format.rate_hz,
        channels,
        sample_bytes: 0,
        narrow_bits: None,
        block_bytes,
        block_frames: 0,
    };
    layout.block_frames = layout.frames_of_short_block(block_bytes);
    let leftover = match codec {
        Codec::ImaAdpcm if channels > 1 => block_bytes % (4 * u64::from(channels)),
        _ => 0,
    };
    if layout.block_frames == 0 || leftover > 0 {
        return Err(wrong(format!("it declares {block_bytes} bytes a block of ADPCM")));
    }
    match format.block_frames {
        None | Some(0) => notes.add(Note::NoBlockFrames),
        Some(declared) if u64::from(declared) == layout.block_frames => {}
        Some(declared) => {
            return Err(wrong(format!(
                "it declares {declared} frames a block, but {block_bytes} bytes of ADPCM hold {}",
                layout.block_frames
            )));
        }
    }
    Ok(layout)
}
