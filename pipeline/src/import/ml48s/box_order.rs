//! Provides `BoxReading`: which coordinate of a box comes first, inferred from the pictures.
//!
//! The set's documentation says `[xmin, ymin, xmax, ymax]`, its published formatter reads the y first. Sounds come
//! and go while noise stays, so inside a box read the right way the pixels differ from what is usual in their row.

use frontend::picture::Picture;

/// Pictures that are looked at: enough to tell apart what differs by a tenth of its scatter.
pub(super) const SAMPLE_PICTURES: usize = 150;
/// Fewer than this tell nothing.
const FEWEST_PICTURES: usize = 10;
/// How many standard errors from zero a mean difference must lie to be believed: by chance one set of ten pictures in
/// 300 has it.
const SIGNIFICANT_ERRORS: f64 = 4.0;
/// A pixel whose colours differ by more than this is coloured; compression alone makes a few levels.
const COLOURED_LEVELS: u8 = 24;

/// Which coordinate comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxOrder {
    /// `[xmin, ymin, xmax, ymax]`, as documented.
    XFirst,
    /// `[ymin, xmin, ymax, xmax]`, as the published formatter reads it.
    YFirst,
}

/// Who says which coordinate comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecidedBy {
    User,
    Pictures,
    /// It is as documented.
    Nothing,
}

/// How boxes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BoxReading {
    pub(super) order: BoxOrder,
    pub(super) decided_by: DecidedBy,
    /// Pictures looked at.
    pub(super) pictures: usize,
    /// Of these, pictures that are not grey.
    pub(super) coloured: usize,
}

impl BoxOrder {
    /// The word for it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            BoxOrder::XFirst => "x-first",
            BoxOrder::YFirst => "y-first",
        }
    }

    /// Left, upper, right and lower edge of a box.
    pub(super) fn edges(self, given: [f64; 4]) -> [f64; 4] {
        let [a, b, c, d] = given;
        match self {
            BoxOrder::XFirst => [a, b, c, d],
            BoxOrder::YFirst => [b, a, d, c],
        }
    }
}

/// What a single picture tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// Mean level of its boxes above that of their rows, read x first and y first.
    contrast: [f64; 2],
    coloured: bool,
}

impl Evidence {
    /// What a picture (red, green, blue) with the boxes in it, as given, tells; `None` without boxes or pixels.
    pub(super) fn of(picture: &Picture, boxes: &[[f64; 4]]) -> Option<Evidence> {
        let (width, height) = (picture.width, picture.height);
        if boxes.is_empty() || width < 2 || height < 2 || picture.pixels.len() != width * height * 3 {
            return None;
        }
        let (pixels_rgb, _) = picture.pixels.as_chunks::<3>();
        let spread = |&[r, g, b]: &[u8; 3]| r.max(g).max(b) - r.min(g).min(b);
        let coloured = pixels_rgb.iter().any(|pixel| spread(pixel) > COLOURED_LEVELS);
        // Red, green and blue added up: three times the level.
        let levels: Vec<i32> = pixels_rgb
            .iter()
            .map(|&[r, g, b]| i32::from(r) + i32::from(g) + i32::from(b))
            .collect();
        let rows: Vec<&[i32]> = levels.chunks_exact(width).collect();
        let medians: Vec<i32> = rows.iter().map(|row| median(row)).collect();
        let contrast = |order: BoxOrder| {
            let of_box = |given: &[f64; 4]| {
                let [left, upper, right, lower] = order.edges(*given);
                let (columns, lines) = (pixels(left, right, width), pixels(upper, lower, height));
                let inside = rows.iter().zip(&medians).skip(lines.start).take(lines.len());
                let of_rows = inside.map(|(row, median)| {
                    let row = row.get(columns.clone()).unwrap_or_default();
                    f64::from(row.iter().map(|level| level - median).sum::<i32>()) / 3.0
                });
                of_rows.sum::<f64>() / (columns.len() * lines.len()) as f64
            };
            mean(boxes.iter().map(of_box))
        };
        Some(Evidence {
            contrast: [contrast(BoxOrder::XFirst), contrast(BoxOrder::YFirst)],
            coloured,
        })
    }
}

impl BoxReading {
    /// As `asked`, else what all pictures together tell.
    pub(super) fn decide(evidence: &[Evidence], asked: Option<BoxOrder>) -> BoxReading {
        let both = [0, 1].map(|way| mean(evidence.iter().map(|picture| picture.contrast[way])));
        // Sounds are bright, or dark where the picture is drawn so: the way that differs more shows which.
        let loudest = if both[0].abs() >= both[1].abs() {
            both[0]
        } else {
            both[1]
        };
        let sign = if loudest < 0.0 { -1.0 } else { 1.0 };
        let x_is_first = sign_of_mean(
            evidence
                .iter()
                .map(|picture| sign * (picture.contrast[0] - picture.contrast[1])),
        );
        let (order, decided_by) = match (asked, x_is_first) {
            (Some(order), _) => (order, DecidedBy::User),
            (None, Some(true)) => (BoxOrder::XFirst, DecidedBy::Pictures),
            (None, Some(false)) => (BoxOrder::YFirst, DecidedBy::Pictures),
            (None, None) => (BoxOrder::XFirst, DecidedBy::Nothing),
        };
        BoxReading {
            order,
            decided_by,
            pictures: evidence.len(),
            coloured: evidence.iter().filter(|picture| picture.coloured).count(),
        }
    }
}

/// Whether the mean of some differences lies above zero; `None` when their scatter leaves that open.
fn sign_of_mean(differences: impl ExactSizeIterator<Item = f64> + Clone) -> Option<bool> {
    let count = differences.len();
    if count < FEWEST_PICTURES {
        return None;
    }
    let middle = mean(differences.clone());
    let variance = differences.map(|difference| (difference - middle).powi(2)).sum::<f64>() / (count - 1) as f64;
    let error = (variance / count as f64).sqrt();
    (middle.abs() > SIGNIFICANT_ERRORS * error && middle != 0.0).then_some(middle > 0.0)
}

/// The pixels between two edges from 0 to 1: at least one.
fn pixels(from: f64, to: f64, count: usize) -> std::ops::Range<usize> {
    let first = ((from * count as f64) as usize).min(count - 1);
    let end = ((to * count as f64).ceil() as usize).clamp(first + 1, count);
    first..end
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

fn median(values: &[i32]) -> i32 {
    let mut sorted = values.to_vec();
    let middle = sorted.len() / 2;
    *sorted.select_nth_unstable(middle).1
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Pictures of noise with a sound in a box, which is read in one order; `sound` is its level above the noise.
    fn evidence(order: BoxOrder, pictures: usize, sound: i32) -> Vec<Evidence> {
        let (width, height) = (75, 24);
        let of_picture = |number: usize| {
            let edges = [
                0.1 + 0.01 * (number % 30) as f64,
                0.5,
                0.3 + 0.01 * (number % 30) as f64,
                0.7,
            ];
            let (columns, lines) = (pixels(edges[0], edges[2], width), pixels(edges[1], edges[3], height));
            let mut picture = Picture {
                pixels: Vec::new(),
                width,
                height,
            };
            for y in 0..height {
                for x in 0..width {
                    // Noise that is the same in every run.
                    let noise = (x * 7919 + y * 104_729 + number * 1_299_709) % 23;
                    let floor = 110 + noise as i32;
                    let loud = columns.contains(&x) && lines.contains(&y);
                    let level = (floor + if loud { sound } else { 0 }).clamp(0, 255) as u8;
                    picture.pixels.extend([level; 3]);
                }
            }
            Evidence::of(&picture, &[order.edges(edges)]).unwrap()
        };
        (0..pictures).map(of_picture).collect()
    }

    #[test]
    fn the_order_is_found_whether_sounds_are_bright_or_dark() {
        for order in [BoxOrder::XFirst, BoxOrder::YFirst] {
            for sound in [40, -40] {
                let found = BoxReading::decide(&evidence(order, 20, sound), None);
                assert_eq!(
                    (found.order, found.decided_by),
                    (order, DecidedBy::Pictures),
                    "{order:?} {sound}"
                );
                assert_eq!((found.pictures, found.coloured), (20, 0));
            }
        }
    }

    #[test]
    fn without_sounds_or_with_few_pictures_the_documentation_holds() {
        for evidence in [
            evidence(BoxOrder::YFirst, 20, 0),
            evidence(BoxOrder::YFirst, 4, 40),
            Vec::new(),
        ] {
            let found = BoxReading::decide(&evidence, None);
            assert_eq!((found.order, found.decided_by), (BoxOrder::XFirst, DecidedBy::Nothing));
        }
    }

    #[test]
    fn what_the_user_says_goes_first() {
        let evidence = evidence(BoxOrder::XFirst, 20, 40);
        let found = BoxReading::decide(&evidence, Some(BoxOrder::YFirst));
        assert_eq!((found.order, found.decided_by), (BoxOrder::YFirst, DecidedBy::User));
    }

    #[test]
    fn colours_are_noticed() {
        let picture = Picture {
            pixels: [200, 90, 10].repeat(100),
            width: 10,
            height: 10,
        };
        let evidence = Evidence::of(&picture, &[[0.0, 0.0, 1.0, 1.0]]).unwrap();
        assert_eq!(BoxReading::decide(&[evidence], None).coloured, 1);
    }
}
