//! Reads `OpusHead`, the first packet of an Opus stream: channels and their streams, what to skip, and the gain.
//!
//! Layout: RFC 7845 section 5.1.

/// The most channels of mapping family 1: 7.1 surround.
const MAX_CHANNELS: u8 = 8;

/// A channel that no stream has: it is silent.
const SILENT: u8 = 255;

/// What the first packet of an Opus stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audio) struct Head {
    pub(in crate::audio) channels: u8,
    /// Frames at 48 kHz to drop from the start of what is decoded.
    pub(in crate::audio) pre_skip: u16,
    /// Gain to apply, in dB/256.
    gain_q8: i16,
    /// Streams in each packet.
    pub(super) streams: u8,
    /// How many of them have two channels: the first ones.
    pub(super) coupled: u8,
    /// Of each channel, in the order of Vorbis, which decoded channel it is; `None` is silent.
    pub(super) mapping: Vec<Option<u8>>,
}

impl Head {
    /// Reads the packet.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words that end in "is not supported" or follow "header is invalid".
    pub(in crate::audio) fn parse(packet: &[u8]) -> Result<Self, HeadError> {
        let Some((b"OpusHead", rest)) = packet.split_first_chunk::<8>() else {
            return Err(HeadError::Invalid("its first packet is not an Opus header".to_owned()));
        };
        // The rate in between is that of what was encoded; decoding always gives 48 kHz.
        let Some((&[version, channels, s0, s1, _, _, _, _, g0, g1, family], table)) = rest.split_first_chunk::<11>()
        else {
            return Err(HeadError::Invalid(format!(
                "its Opus header has only {} bytes",
                packet.len()
            )));
        };
        // Minor versions are compatible, major ones, in the upper half, are not.
        if version >> 4 != 0 {
            return Err(HeadError::Unsupported(format!("version {version} of Opus in Ogg")));
        }
        let (streams, coupled, mapping) = match (family, channels) {
            (0, 1) => (1, 0, vec![Some(0)]),
            (0, 2) => (1, 1, vec![Some(0), Some(1)]),
            (1, 1..=MAX_CHANNELS) => streams(channels, table)?,
            (0 | 1, _) => {
                return Err(HeadError::Invalid(format!(
                    "it declares {channels} channels of Opus in mapping family {family}"
                )));
            }
            _ => {
                return Err(HeadError::Unsupported(format!(
                    "Opus of channel mapping family {family}"
                )));
            }
        };
        Ok(Self {
            channels,
            pre_skip: u16::from_le_bytes([s0, s1]),
            gain_q8: i16::from_le_bytes([g0, g1]),
            streams,
            coupled,
            mapping,
        })
    }

    /// What to multiply samples with.
    pub(super) fn gain(&self) -> f32 {
        10f32.powf(f32::from(self.gain_q8) / (20.0 * 256.0))
    }
}

/// Why a header cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audio) enum HeadError {
    /// It contradicts itself or the specification.
    Invalid(String),
    /// It is of a kind that is not supported.
    Unsupported(String),
}

/// Reads the channel mapping table: RFC 7845 section 5.1.1.
fn streams(channels: u8, table: &[u8]) -> Result<(u8, u8, Vec<Option<u8>>), HeadError> {
    let contradiction =
        || HeadError::Invalid("the channel mapping table of its Opus header contradicts itself".to_owned());
    let (&[streams, coupled], mapping) = table.split_first_chunk::<2>().ok_or_else(contradiction)?;
    let mapping = mapping.get(..usize::from(channels)).ok_or_else(contradiction)?;
    let decoded = streams
        .checked_add(coupled)
        .filter(|&decoded| decoded <= 2 * MAX_CHANNELS);
    match decoded {
        Some(decoded) if streams > 0 && coupled <= streams => mapping
            .iter()
            .map(|&channel| match channel {
                SILENT => Ok(None),
                channel if channel < decoded => Ok(Some(channel)),
                _ => Err(contradiction()),
            })
            .collect::<Result<_, _>>()
            .map(|mapping| (streams, coupled, mapping)),
        _ => Err(contradiction()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn head(fields: &[u8]) -> Result<Head, HeadError> {
        Head::parse(&[b"OpusHead", fields].concat())
    }

    #[test]
    fn a_stereo_header_is_read() {
        let head = head(&[1, 2, 0x38, 1, 0x44, 0xac, 0, 0, 0, 0xfa, 0]).unwrap();
        assert_eq!((head.channels, head.pre_skip), (2, 312));
        assert_eq!((head.streams, head.coupled), (1, 1));
        // -6 dB.
        assert!((head.gain() - 0.501_187).abs() < 1e-6, "{}", head.gain());
    }

    #[test]
    fn a_surround_header_is_read_and_must_be_consistent() {
        let fields = |rest: &[u8]| [&[1, 6, 0, 0, 0, 0, 0, 0, 0, 0, 1], rest].concat();
        let surround = head(&fields(&[4, 2, 0, 4, 1, 2, 3, 255])).unwrap();
        assert_eq!((surround.streams, surround.coupled), (4, 2));
        assert_eq!(surround.mapping, [Some(0), Some(4), Some(1), Some(2), Some(3), None]);
        for wrong in [
            &[4, 2, 0, 4, 1, 2, 3, 6][..],
            &[4, 5, 0, 4, 1, 2, 3, 5],
            &[0, 0, 255, 255, 255, 255, 255, 255],
            &[255, 255, 0, 0, 0, 0, 0, 0],
            &[4, 2, 0, 4, 1],
            &[],
        ] {
            assert!(matches!(head(&fields(wrong)), Err(HeadError::Invalid(_))), "{wrong:?}");
        }
    }

    #[test]
    fn what_cannot_be_played_is_named() {
        let unsupported = |fields: &[u8]| match head(fields).unwrap_err() {
            HeadError::Unsupported(what) => what,
            HeadError::Invalid(what) => format!("invalid: {what}"),
        };
        assert_eq!(
            unsupported(&[16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            "version 16 of Opus in Ogg"
        );
        assert_eq!(
            unsupported(&[1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 255]),
            "Opus of channel mapping family 255"
        );
        assert_eq!(
            unsupported(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            "invalid: it declares 0 channels of Opus in mapping family 0"
        );
        assert_eq!(unsupported(&[1, 1, 0, 0]), "invalid: its Opus header has only 12 bytes");
    }
}
