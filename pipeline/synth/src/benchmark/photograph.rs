//! Provides photographs of clips: the species that sing in a clip as objects before a noisy background.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::look::{self, Look};
use crate::noise::white;
use crate::planned::{Bird, PlannedRecording};
use crate::presence::counts_in;
use crate::seeding::{Draw, keyed};

/// Width and height of photographs, smallest and largest.
const WIDTH: (u32, u32) = (160, 320);
const HEIGHT: (u32, u32) = (120, 240);

/// Root of an object's area against the photograph's height: `.0 + .1 * level`, of the bird's level in dB. The louder
/// is the nearer, so the target is mostly the largest.
const SIDE: (f64, f64) = (0.08, 0.013);

/// Share of objects that are crowds, and their members.
const CROWD_SHARE: f64 = 0.04;
const CROWD_MEMBERS: usize = 5;

/// Standard deviation of a pixel's noise, of 255.
const NOISE: f64 = 9.0;

/// Cells of the background's blotches across and down.
const BLOTCHES: (usize, usize) = (7, 5);

/// A picture with what there is in it.
pub(super) struct Photograph {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Red, green, blue of each pixel, row by row.
    pub(super) pixels: Vec<u8>,
    /// What an annotator would mark, each with a pixel at least; objects may hide parts of others.
    pub(super) objects: Vec<Object>,
}

/// An object, or a crowd of them.
pub(super) struct Object {
    pub(super) class: usize,
    /// Corners in pixels; none for a crowd.
    pub(super) outline: Option<Vec<[f64; 2]>>,
    /// Its pixels as (x, y), hidden ones included, column by column.
    pub(super) mask: Vec<(u32, u32)>,
}

/// The photograph of clip number `clip`; `looks` are those of the classes.
///
/// Light and colour of the background are the recording's, everything else the clip's.
pub(super) fn photograph(recording: &PlannedRecording, clip: usize, looks: &[Look]) -> Photograph {
    let mut place = keyed(recording.scene.seed, Draw::Photograph, 0);
    let light = [(); 3].map(|()| place.random_range(0.7..1.15));
    let ground = [(); 3].map(|()| place.random_range(80.0..150.0));
    let mut rng = keyed(recording.scene.seed, Draw::Photograph, 1 + clip as u64);
    let (width, height) = (
        rng.random_range(WIDTH.0..=WIDTH.1),
        rng.random_range(HEIGHT.0..=HEIGHT.1),
    );
    let mut scene = Canvas::new(width, height, ground, &mut rng);

    let unknown = look::unknown();
    let mut shapes = Vec::new();
    for (&bird, singer) in recording.birds.iter().zip(&recording.scene.singers) {
        let songs = singer
            .songs
            .iter()
            .filter(|song| counts_in(song.start_s(), song.end_s(), clip));
        for _ in songs {
            let side = (SIDE.0 + SIDE.1 * singer.snr_db) * rng.random_range(0.85..1.15) * f64::from(height);
            let look = match bird {
                Bird::Class(class) => &looks[class],
                Bird::Unknown => &unknown,
            };
            shapes.push((bird, look, side, rng.random_bool(CROWD_SHARE)));
        }
    }
    // The largest first, so that none vanishes behind a larger one.
    shapes.sort_by(|a, b| b.2.total_cmp(&a.2));
    let mut objects = Vec::new();
    for (bird, look, side, is_crowd) in shapes {
        let (outline, mask) = if is_crowd {
            (None, scene.draw_crowd(look, side, &mut rng))
        } else {
            let (outline, mask) = scene.draw(look, side, None, &mut rng);
            (Some(outline), mask)
        };
        if let Bird::Class(class) = bird
            && !mask.is_empty()
        {
            objects.push(Object { class, outline, mask });
        }
    }
    Photograph {
        width,
        height,
        pixels: scene.developed(light, &mut rng),
        objects,
    }
}

/// A picture being painted, in linear amounts of red, green and blue, nominally 0 to 255.
struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<[f64; 3]>,
}

impl Canvas {
    /// A blotchy background of the mean colour `ground`.
    fn new(width: u32, height: u32, ground: [f64; 3], rng: &mut ChaCha8Rng) -> Self {
        let (across, down) = BLOTCHES;
        let knots: Vec<f64> = (0..(across + 1) * (down + 1))
            .map(|_| rng.random_range(-45.0..45.0))
            .collect();
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            let (row, v) = cell(y, height, down);
            for x in 0..width {
                let (column, u) = cell(x, width, across);
                let knot = |down: usize, right: usize| knots[(row + down) * (across + 1) + column + right];
                let upper = knot(0, 0) * (1.0 - u) + knot(0, 1) * u;
                let lower = knot(1, 0) * (1.0 - u) + knot(1, 1) * u;
                pixels.push(ground.map(|level| level + upper * (1.0 - v) + lower * v));
            }
        }
        Self { width, height, pixels }
    }

    /// Paints an object of area `side` squared, at a place of its own or around `centre`; returns its corners and
    /// pixels.
    fn draw(
        &mut self,
        look: &Look,
        side: f64,
        centre: Option<[f64; 2]>,
        rng: &mut ChaCha8Rng,
    ) -> (Vec<[f64; 2]>, Vec<(u32, u32)>) {
        let (sine, cosine) = rng.random_range(-0.15_f64..0.15).sin_cos();
        // Individuals vary by a few per cent in shape, a hundredth of a turn in hue.
        let stretch = rng.random_range(0.96..1.04);
        let turned = |[x, y]: [f64; 2]| {
            let (x, y) = (x * side * stretch, y * side / stretch);
            [x * cosine - y * sine, x * sine + y * cosine]
        };
        let corners: Vec<[f64; 2]> = look.outline.iter().copied().map(turned).collect();
        let reach = [0, 1].map(|axis| corners.iter().map(|corner| corner[axis].abs()).fold(0.0, f64::max));
        let size = [f64::from(self.width), f64::from(self.height)];
        let anywhere = [0, 1].map(|axis| {
            let free = (size[axis] - 2.0 * reach[axis]).max(0.0);
            size[axis] / 2.0 + free * rng.random_range(-0.5..0.5)
        });
        let centre = centre.unwrap_or(anywhere);
        let outline: Vec<[f64; 2]> = corners.iter().map(|[x, y]| [x + centre[0], y + centre[1]]).collect();
        let colour = colour(
            look.hue + rng.random_range(-0.01..0.01),
            look.saturation,
            rng.random_range(180.0..225.0),
        );
        let mut mask = Vec::new();
        let range = |axis: usize| {
            let first = (centre[axis] - reach[axis]).floor().max(0.0) as u32;
            first..((centre[axis] + reach[axis]).ceil().max(0.0)).min(size[axis]) as u32
        };
        for x in range(0) {
            for y in range(1) {
                let point = [f64::from(x) + 0.5, f64::from(y) + 0.5];
                if !is_inside(&outline, point) {
                    continue;
                }
                mask.push((x, y));
                let down = 0.5 + 0.5 * (point[1] - centre[1]) / reach[1];
                let shade = if ((2.0 * look.stripes * down) as u64).is_multiple_of(2) {
                    1.0
                } else {
                    0.55
                };
                if let Some(pixel) = self.pixels.get_mut(y as usize * self.width as usize + x as usize) {
                    *pixel = colour.map(|level| level * shade);
                }
            }
        }
        (outline, mask)
    }

    /// Paints a crowd: small ones close together. Returns all their pixels.
    fn draw_crowd(&mut self, look: &Look, side: f64, rng: &mut ChaCha8Rng) -> Vec<(u32, u32)> {
        let middle = [f64::from(self.width), f64::from(self.height)].map(|size| size * rng.random_range(0.25..0.75));
        let mut mask = Vec::new();
        for _ in 0..CROWD_MEMBERS {
            let centre = middle.map(|middle| middle + side * rng.random_range(-0.8..0.8));
            mask.extend(self.draw(look, 0.45 * side, Some(centre), rng).1);
        }
        mask.sort_unstable();
        mask.dedup();
        mask
    }

    /// The picture under `light`, with noise, as bytes.
    fn developed(&self, light: [f64; 3], rng: &mut ChaCha8Rng) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(3 * self.pixels.len());
        for pixel in &self.pixels {
            for (level, gain) in pixel.iter().zip(light) {
                bytes.push((level * gain + NOISE * white(rng)).round().clamp(0.0, 255.0) as u8);
            }
        }
        bytes
    }
}

/// Cell of a grid of `cells` in which a pixel lies, and where in it, 0 to 1.
fn cell(pixel: u32, pixels: u32, cells: usize) -> (usize, f64) {
    let position = f64::from(pixel) / f64::from(pixels) * cells as f64;
    (position as usize, position.fract())
}

/// Whether a point lies in a polygon, by the parity of the edges to its right.
fn is_inside(outline: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let next = outline.iter().cycle().skip(1);
    let crossed = outline
        .iter()
        .zip(next)
        .filter(|([ax, ay], [bx, by])| (*ay > y) != (*by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax));
    crossed.count() % 2 == 1
}

/// Red, green and blue of a hue in turns, the largest of them `value`.
fn colour(hue: f64, saturation: f64, value: f64) -> [f64; 3] {
    [0.0, 1.0 / 3.0, 2.0 / 3.0].map(|phase| {
        // The hexagonal colour wheel: full within a sixth of a turn of the primary, none beyond a third.
        let distance = ((hue - phase + 0.5).rem_euclid(1.0) - 0.5).abs();
        let amount = (2.0 - 6.0 * distance).clamp(0.0, 1.0);
        value * (1.0 - saturation + saturation * amount)
    })
}

#[cfg(test)]
mod tests {
    use super::{colour, is_inside};

    #[test]
    fn a_point_is_inside_a_star_or_in_its_notch() {
        let notched = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [2.0, 1.0], [0.0, 4.0]];
        assert!(is_inside(&notched, [2.0, 0.5]) && is_inside(&notched, [0.5, 2.0]) && is_inside(&notched, [3.5, 2.0]));
        assert!(
            !is_inside(&notched, [2.0, 2.0]) && !is_inside(&notched, [5.0, 1.0]) && !is_inside(&notched, [-1.0, 1.0])
        );
    }

    #[test]
    fn hues_are_those_of_the_colour_wheel() {
        assert_eq!(colour(0.0, 1.0, 200.0), [200.0, 0.0, 0.0]);
        let yellow = colour(1.0 / 6.0, 0.5, 200.0);
        // Rounding of a handful of operations on numbers below 200.
        assert!(
            yellow
                .iter()
                .zip([200.0, 200.0, 100.0])
                .all(|(got, expected)| (got - expected).abs() < 1e-9)
        );
        assert_eq!(colour(0.7, 0.0, 200.0), [200.0; 3]);
    }
}
