//! Defines `Place`, latitude and longitude, and finds it in names of files.

/// Degrees of latitude within which two places are the same: a tenth of what an app with two decimals rounds off.
const SAME_DEGREES: f64 = 0.011;

/// Where a recording was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// Degrees north.
    pub(super) latitude: f64,
    /// Degrees east.
    pub(super) longitude: f64,
}

impl Place {
    /// A place; `None` where there is no such one, and for 0, 0, which recorders write while they know none.
    pub(super) fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let is_one = latitude.abs() <= 90.0 && longitude.abs() <= 180.0 && (latitude, longitude) != (0.0, 0.0);
        is_one.then_some(Place { latitude, longitude })
    }

    /// Whether both may be one place, given with other decimals.
    pub(super) fn is_near(self, other: Place) -> bool {
        (self.latitude - other.latitude).abs() <= SAME_DEGREES
            && (self.longitude - other.longitude).abs() <= SAME_DEGREES
    }
}

/// A finite number.
pub(super) fn degrees(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Looks for the place in a name of Frontier Labs' recorders: `..._-27.3888+152.8808` or `... [-27.3866 152.8761]`.
pub(super) fn in_name(stem: &str) -> Option<Place> {
    if let Some((_, rest)) = stem.split_once('[')
        && let Some((inner, _)) = rest.split_once(']')
        && let Some((latitude, longitude)) = inner.split_once(' ')
    {
        return Place::new(decimal(latitude)?, decimal(longitude)?);
    }
    let last = stem.rsplit('_').next()?;
    let second = last.rfind(['+', '-']).filter(|&at| at > 0)?;
    let (latitude, longitude) = last.split_at_checked(second)?;
    let is_signed = latitude.starts_with(['+', '-']);
    is_signed
        .then(|| Place::new(decimal(latitude)?, decimal(longitude)?))
        .flatten()
}

/// Degrees with decimals, as a place in a name has them and other numbers have not.
fn decimal(text: &str) -> Option<f64> {
    let is_decimal = text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    is_decimal.then(|| degrees(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_names() {
        for (name, expected) in [
            ("20190626T160000+1000_REC_-27.3888+152.8808", Some((-27.3888, 152.8808))),
            ("20181101_050000_REC [-27.3866 152.8761]", Some((-27.3866, 152.8761))),
            (
                "S20240501T043000+0930_E20240501T053000+0930_-12.3+131.0",
                Some((-12.3, 131.0)),
            ),
            ("20190626T160000+1000_REC", None),
            ("20190626T160000+1000", None),
            ("20190626T160000+1000_REC_+00.0000+000.0000", None),
            ("a_-91.0+10.0", None),
            ("P_0+1_20211023_230001", None),
            ("a-1.5+2.5", None),
            ("[1.5]", None),
        ] {
            let found = in_name(name).map(|place| (place.latitude, place.longitude));
            assert_eq!(found, expected, "{name}");
        }
    }
}
