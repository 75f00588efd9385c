//! Tests of pictures against Pillow: colour, subsampled, progressive and grey JPEGs, as the published program loads
//! them.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::{Channels, Picture, Resizer, SIDE_PIXELS, read_jpeg};

/// Pixels of the stored square.
const PIXELS: usize = SIDE_PIXELS * SIDE_PIXELS;

/// A file that the script beside it made with Pillow and torchvision.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/pictures")
        .join(name)
}

/// Width, height and samples of a PNG of 8 bits.
fn read_png(name: &str) -> (usize, usize, Vec<u8>) {
    let file = BufReader::new(File::open(fixture(name)).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut samples).unwrap();
    assert_eq!(frame.bit_depth, png::BitDepth::Eight);
    (frame.width as usize, frame.height as usize, samples)
}

/// How the stored levels differ from Pillow's.
struct Difference {
    /// In levels, at most.
    largest: u8,
    /// In levels, on average.
    mean: f64,
    /// Share of equal ones.
    equal: f64,
}

fn against_pillow(name: &str) -> Difference {
    let mut picture = Picture::default();
    read_jpeg(&fixture(&format!("{name}.jpg")), Channels::Rgb, &mut picture, |_, _| {
        Ok(())
    })
    .unwrap();
    let mut stored = vec![0; 3 * PIXELS];
    Resizer::new(Channels::Rgb).render(&picture, &mut stored);
    let (_, _, interleaved) = read_png(&format!("{name}.png"));
    let planes = (0..PIXELS).flat_map(|pixel| [0, 1, 2].map(|channel| stored[channel * PIXELS + pixel]));
    let differences: Vec<u8> = planes
        .zip(interleaved)
        .map(|(ours, theirs)| ours.abs_diff(theirs))
        .collect();
    assert_eq!(differences.len(), 3 * PIXELS);
    let share = |of: f64| of / differences.len() as f64;
    Difference {
        largest: differences.iter().copied().max().unwrap(),
        mean: share(differences.iter().map(|&levels| f64::from(levels)).sum()),
        equal: share(differences.iter().filter(|&&levels| levels == 0).count() as f64),
    }
}

/// Two decoders may round a level of luma or chroma apart in the inverse transform, and a level of chroma where it is
/// interpolated; blue is luma and 1.772 of a chroma. That makes 1 for grey, 3 (1 + 1.772, rounded) with chroma in
/// full, and 5 (1 + 2 * 1.772, rounded) where it was subsampled; and one more wherever colours are rounded.
#[test]
fn colour_pictures_are_nearly_those_of_pillow() {
    for (name, largest, mean, equal) in [
        ("grey", 1, 0.02, 0.98),
        ("full_colour", 4, 0.04, 0.96),
        ("halved", 6, 0.6, 0.55),
        ("subsampled", 6, 0.6, 0.55),
        ("odd_sides", 6, 0.6, 0.55),
        ("progressive", 6, 0.6, 0.55),
    ] {
        let found = against_pillow(name);
        assert!(
            found.largest <= largest && found.mean <= mean && found.equal >= equal,
            "{name}: at most {}, on average {:.3}, equal {:.3}",
            found.largest,
            found.mean,
            found.equal
        );
    }
}

/// Two decoders may round a level apart in the inverse transform; chroma is not in it.
#[test]
fn coloured_files_become_their_luma() {
    for name in [
        "grey",
        "full_colour",
        "halved",
        "subsampled",
        "odd_sides",
        "progressive",
    ] {
        let mut picture = Picture::default();
        let file = fixture(&format!("{name}.jpg"));
        read_jpeg(&file, Channels::Grey, &mut picture, |_, _| Ok(())).unwrap();
        let (width, height, luma) = read_png(&format!("{name}.luma.png"));
        assert_eq!((picture.width, picture.height), (width, height));
        let differences: Vec<u8> = picture
            .pixels
            .iter()
            .zip(&luma)
            .map(|(ours, theirs)| ours.abs_diff(*theirs))
            .collect();
        let equal = differences.iter().filter(|&&levels| levels == 0).count();
        assert!(
            differences.iter().all(|&levels| levels <= 1) && equal * 100 >= differences.len() * 95,
            "{name}: {equal} of {} equal, at most {:?} apart",
            differences.len(),
            differences.iter().max()
        );
    }
}
