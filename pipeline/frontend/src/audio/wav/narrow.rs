//! Finds out at which end of their bytes samples lie that have fewer bits, and moves them to the high end.
//!
//! The format asks for the high end. Programs that store 24 bits in 4 bytes mostly use the low end, with the sign
//! above it, and nothing in the header says so: the samples do.

use std::ops::Range;

use super::chunk::Bytes;
use super::wrong;
use crate::audio::reject::Reject;

/// Bytes of samples that are looked at in one go; a multiple of 2, 3 and 4.
const BLOCK_BYTES: usize = 12 * 1024;

/// Samples with fewer bits than their bytes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Narrow {
    sample_bytes: usize,
    bits: u32,
    /// They are at the low end.
    pub(super) low: bool,
}

impl Narrow {
    /// Looks at the samples of `data` up to the first that is decisive.
    ///
    /// # Errors
    ///
    /// [`Reject::Header`] if they have more bits than declared, [`Reject::Read`].
    pub(super) fn find(bytes: &mut Bytes<'_>, data: Range<u64>, sample_bytes: u16, bits: u16) -> Result<Self, Reject> {
        let mut narrow = Self {
            sample_bytes: usize::from(sample_bytes),
            bits: u32::from(bits),
            low: false,
        };
        let mut block = vec![0; BLOCK_BYTES];
        let mut at = data.start;
        while at < data.end {
            let wanted = usize::try_from(data.end - at).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
            let read = bytes.read_at(at, block.get_mut(..wanted).unwrap_or_default())?;
            if read == 0 {
                break;
            }
            at += read as u64;
            for sample in block.get(..read).unwrap_or_default().chunks_exact(narrow.sample_bytes) {
                let value = signed(sample);
                narrow.low = match (narrow.fits_low(value), narrow.fits_high(value)) {
                    // As it is with silence.
                    (true, true) => continue,
                    (low, high) if low || high => low,
                    _ => {
                        return Err(wrong(format!(
                            "it declares samples of {bits} bits in {sample_bytes} bytes, but they use them all"
                        )));
                    }
                };
                return Ok(narrow);
            }
        }
        Ok(narrow)
    }

    /// Whether it is a number of `bits` bits at the low end.
    fn fits_low(self, value: i32) -> bool {
        let above = value >> (self.bits - 1);
        above == 0 || above == -1
    }

    /// Whether it is one at the high end. Converters put noise below it; of a whole byte they do not.
    fn fits_high(self, value: i32) -> bool {
        let spare = 8 * self.sample_bytes as u32 - self.bits;
        let below = value & ((1 << spare) - 1);
        below == 0 || spare < 8 && !self.fits_low(value)
    }

    /// Moves the samples of a packet to the high end; `None` if one does not fit.
    pub(super) fn widen(self, packet: &mut [u8]) -> Option<()> {
        let spare = 8 * self.sample_bytes as u32 - self.bits;
        for sample in packet.chunks_exact_mut(self.sample_bytes) {
            let value = signed(sample);
            if self.low {
                self.fits_low(value).then_some(())?;
                let moved = value << spare;
                sample
                    .iter_mut()
                    .zip(moved.to_le_bytes())
                    .for_each(|(byte, moved)| *byte = moved);
            } else if spare >= 8 {
                self.fits_high(value).then_some(())?;
            }
        }
        Some(())
    }
}

/// A little-endian number of 2, 3 or 4 bytes.
fn signed(sample: &[u8]) -> i32 {
    let top = sample
        .iter()
        .rev()
        .fold(0u32, |value, &byte| value << 8 | u32::from(byte));
    let unused = 32 - 8 * sample.len() as u32;
    (top << unused).cast_signed() >> unused
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::audio::ranged::Seekable;

    fn find(samples: &[i32], sample_bytes: u16, bits: u16) -> Result<bool, Reject> {
        let data: Vec<u8> = samples
            .iter()
            .flat_map(|value| value.to_le_bytes().into_iter().take(usize::from(sample_bytes)))
            .collect();
        let size = data.len() as u64;
        let mut source = Seekable::new(Cursor::new(data)).unwrap();
        Narrow::find(&mut Bytes::new(&mut source), 0..size, sample_bytes, bits).map(|narrow| narrow.low)
    }

    #[test]
    fn the_first_decisive_sample_decides() {
        assert!(find(&[0, 0, -3, 1 << 20], 4, 24).unwrap());
        assert!(!find(&[0, 256, -256, i32::MIN], 4, 24).unwrap());
        assert!(!find(&[0; 5000], 3, 20).unwrap());
        assert!(find(&[vec![0; 5000], vec![5]].concat(), 3, 20).unwrap());
        let error = find(&[0x1234_5678], 4, 24).unwrap_err();
        assert!(
            error.to_string().contains("24 bits in 4 bytes, but they use them all"),
            "{error}"
        );
        // Noise below 20 bits of 24.
        assert!(!find(&[0x12_3457], 3, 20).unwrap());
    }

    #[test]
    fn low_samples_move_up_and_others_stop_it() {
        let narrow = Narrow {
            sample_bytes: 4,
            bits: 24,
            low: true,
        };
        let mut packet = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        narrow.widen(&mut packet).unwrap();
        assert_eq!(packet, [0, 1, 0, 0, 0, 0xff, 0xff, 0xff]);
        assert_eq!(narrow.widen(&mut [0, 0, 0, 1]), None);
        let high = Narrow { low: false, ..narrow };
        assert_eq!(high.widen(&mut [0, 1, 2, 3]), Some(()));
        assert_eq!(high.widen(&mut [1, 1, 2, 3]), None);
    }
}
