//! Defines what the benchmark's species look like in photographs: eight kinds of outline and colour, each shared by a
//! triple.
//!
//! As their songs, the members of a triple differ in three ways that shrink to nothing as the confusability grows to 1:
//! how tall they are for their width, their hue, and how finely they are striped. No outline is the mirror image of
//! another, since training flips photographs.

use super::species::{MEMBERS, PLACES};

/// Between neighbouring members at confusability 0: logarithm of the ratio of height to width, hue in turns, logarithm
/// of the number of stripes. Tuned as those of the songs.
const ASPECT_STEP: f64 = 0.7;
const HUE_STEP: f64 = 0.1;
const STRIPE_STEP: f64 = 0.6;

/// Stripes of the middle member.
const STRIPES: f64 = 3.0;

/// Points and inner radius (the outer one is 1) of each kind's star: a dodecagon, a triangle, a square, then stars
/// proper.
const STARS: [(usize, f64); 8] = [
    (12, 0.966),
    (3, 0.5),
    (4, 0.707),
    (5, 0.45),
    (4, 0.38),
    (8, 0.65),
    (6, 0.5),
    (2, 0.4),
];

/// What an object of one species looks like.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Look {
    /// Corners of a polygon of area 1 around the origin, x to the right, y down.
    pub(super) outline: Vec<[f64; 2]>,
    /// In turns from red.
    pub(super) hue: f64,
    /// 0 (grey) to 1.
    pub(super) saturation: f64,
    /// Dark stripes across its height.
    pub(super) stripes: f64,
}

/// The looks of all species in class order.
pub(super) fn looks(confusability: f64) -> Vec<Look> {
    let distinctness = 1.0 - confusability;
    let kinds = STARS.iter().enumerate();
    let look = |(kind, &(points, inner)): (usize, &(usize, f64)), place: [f64; 3]| {
        let [aspect, hue, stripes] = place.map(|place| place * distinctness);
        Look {
            outline: star(points, inner, (ASPECT_STEP * aspect).exp()),
            hue: kind as f64 / STARS.len() as f64 + HUE_STEP * hue,
            saturation: 0.65,
            stripes: STRIPES * (STRIPE_STEP * stripes).exp(),
        }
    };
    kinds
        .flat_map(|kind| (0..MEMBERS).map(move |member| look(kind, PLACES[member])))
        .collect()
}

/// Of a bird that nobody could name: grey.
pub(super) fn unknown() -> Look {
    Look {
        outline: star(7, 0.8, 1.0),
        hue: 0.0,
        saturation: 0.0,
        stripes: STRIPES,
    }
}

/// A star of area 1, `aspect` times as high as wide.
fn star(points: usize, inner: f64, aspect: f64) -> Vec<[f64; 2]> {
    let corners = (0..2 * points).map(|corner| {
        let radius = if corner % 2 == 0 { 1.0 } else { inner };
        let angle = std::f64::consts::PI * (corner as f64 / points as f64 - 0.5);
        [radius * angle.cos(), radius * angle.sin()]
    });
    // Twice the area of the 2n triangles around the centre is n * inner * sin(pi / n), twice.
    let area = points as f64 * inner * (std::f64::consts::PI / points as f64).sin();
    let (width, height) = ((1.0 / (area * aspect)).sqrt(), (aspect / area).sqrt());
    corners.map(|[x, y]| [x * width, y * height]).collect()
}

#[cfg(test)]
mod tests {
    use super::looks;

    #[test]
    fn outlines_have_area_one_and_triples_merge() {
        for look in looks(0.3) {
            let next = look.outline.iter().cycle().skip(1);
            let twice: f64 = look
                .outline
                .iter()
                .zip(next)
                .map(|(a, b)| a[0] * b[1] - a[1] * b[0])
                .sum();
            assert!((twice / 2.0 - 1.0).abs() < 1e-9, "{twice}");
        }
        for (apart, alike) in looks(0.0).chunks(3).zip(looks(1.0).chunks(3)) {
            assert!(apart[0] != apart[1] && apart[1] != apart[2] && apart[0] != apart[2]);
            assert!(alike[0] == alike[1] && alike[1] == alike[2]);
        }
    }
}
