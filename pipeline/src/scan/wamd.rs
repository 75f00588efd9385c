//! Reads the metadata of Wildlife Acoustics' recorders (`wamd`): fields of a number, a length and bytes.

use super::clock::{self, Reading};
use super::place::{Place, degrees};

/// Fields: see QutEcoacoustics/emu, `WamdParser`.
const SERIAL: u16 = 2;
const START: u16 = 5;
const FIRST_POSITION: u16 = 6;
const TIME_EXPANSION: u16 = 15;
const LAST_POSITION: u16 = 20;

/// Bytes between fields that mean nothing.
const PADDING: u16 = 0xffff;

/// The fields of a `wamd` chunk.
pub(super) struct Wamd<'b> {
    fields: Vec<(u16, &'b [u8])>,
}

impl<'b> Wamd<'b> {
    /// Parses the body of a chunk, up to the first field that does not fit.
    pub(super) fn parse(mut bytes: &'b [u8]) -> Self {
        let mut fields = Vec::new();
        while let Some((header, rest)) = bytes.split_first_chunk::<6>() {
            let [a, b, size @ ..] = *header;
            let size = u32::from_le_bytes(size) as usize;
            let Some((value, after)) = rest.split_at_checked(size) else {
                break;
            };
            let id = u16::from_le_bytes([a, b]);
            if id != PADDING {
                fields.push((id, value));
            }
            bytes = after;
        }
        Wamd { fields }
    }

    fn bytes(&self, id: u16) -> Option<&'b [u8]> {
        self.fields
            .iter()
            .find(|(field, _)| *field == id)
            .map(|(_, value)| *value)
    }

    fn text(&self, id: u16) -> Option<&'b str> {
        let text = std::str::from_utf8(self.bytes(id)?).ok()?;
        Some(text.trim_matches(['\0', ' ', '\r', '\n'])).filter(|text| !text.is_empty())
    }

    /// The recorder's serial number.
    pub(super) fn serial(&self) -> Option<&'b str> {
        self.text(SERIAL)
    }

    /// When the recording starts, or the text that is no time.
    pub(super) fn start(&self) -> Option<Result<Reading, &'b str>> {
        let text = self.text(START)?;
        Some(clock::timestamp(text).ok_or(text))
    }

    /// Where it was made: the first position, else the last.
    pub(super) fn place(&self) -> Option<Place> {
        [FIRST_POSITION, LAST_POSITION]
            .iter()
            .find_map(|id| position(self.text(*id)?))
    }

    /// By how much the sound was slowed down, where it was.
    pub(super) fn time_expansion(&self) -> Option<f64> {
        let factor = self
            .bytes(TIME_EXPANSION)?
            .first_chunk::<2>()
            .map(|bytes| u16::from_le_bytes(*bytes))?;
        (factor > 1).then_some(f64::from(factor))
    }
}

/// `WGS84,lat,N,lon,W[,alt]`, where the first cell is mostly empty.
fn position(text: &str) -> Option<Place> {
    let mut cells = text.split(',').map(str::trim).skip(1);
    let mut signed = |positive: &str, negative: &str| {
        let value = degrees(cells.next()?)?;
        match cells.next()? {
            side if side.eq_ignore_ascii_case(positive) => Some(value),
            side if side.eq_ignore_ascii_case(negative) => Some(-value),
            _ => None,
        }
    };
    let latitude = signed("N", "S")?;
    Place::new(latitude, signed("E", "W")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(fields: &[(u16, &[u8])]) -> Vec<u8> {
        let field = |(id, value): &(u16, &[u8])| {
            let size = (value.len() as u32).to_le_bytes();
            [&id.to_le_bytes()[..], &size, value].concat()
        };
        fields.iter().flat_map(field).collect()
    }

    #[test]
    fn fields_padding_and_an_empty_datum() {
        let bytes = chunk(&[
            (0, &[1, 0]),
            (PADDING, &[0; 7]),
            (2, b"S4A03895\0"),
            (5, b"2019-05-22 00:00:00-04:00"),
            (6, b",40.5,N,79.25,W,300"),
            (15, &[10, 0]),
        ]);
        let wamd = Wamd::parse(&bytes);
        assert_eq!(wamd.serial(), Some("S4A03895"));
        let offset = wamd.start().and_then(Result::ok).and_then(|reading| reading.offset);
        assert_eq!(offset.map(|offset| offset.seconds()), Some(-4 * 3600));
        let place = wamd.place().map(|place| (place.latitude, place.longitude));
        assert_eq!((place, wamd.time_expansion()), (Some((40.5, -79.25)), Some(10.0)));
    }

    #[test]
    fn places_that_are_unset_or_broken() {
        for (text, expected) in [
            ("WGS84,0,N,0,E", None),
            (",0.0000,N,0.0000,W", None),
            ("40.5,N,79.25,W", None),
            (",40.5,X,79.25,W", None),
            (",40.5,N,79.25", None),
            ("", None),
            ("WGS84, 12.5, s, 30.25, e", Some((-12.5, 30.25))),
        ] {
            let place = position(text).map(|place| (place.latitude, place.longitude));
            assert_eq!(place, expected, "{text}");
        }
        let last = chunk(&[(6, b",0,N,0,E"), (20, b",1.5,N,2.5,E")]);
        assert!(
            Wamd::parse(&last).place().is_some(),
            "the last position stands in for the first"
        );
    }

    #[test]
    fn damaged_bytes_end_the_fields_and_nothing_else() {
        let mut bytes = chunk(&[(2, b"SN1"), (5, b"soon")]);
        bytes.extend([6, 0, 255, 255, 255, 255, 1]);
        let wamd = Wamd::parse(&bytes);
        assert_eq!((wamd.serial(), wamd.start()), (Some("SN1"), Some(Err("soon"))));
        for end in 0..bytes.len() {
            Wamd::parse(bytes.get(..end).unwrap_or_default());
        }
        assert!(Wamd::parse(&chunk(&[(2, &[0xff, 0xfe])])).serial().is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(0_u8..32, 0..80)) {
            let wamd = Wamd::parse(&bytes);
            let _ = (wamd.serial(), wamd.start(), wamd.place(), wamd.time_expansion());
        }
    }
}
