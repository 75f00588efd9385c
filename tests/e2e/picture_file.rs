//! Reads the PNG files that the program writes, and writes JPEGs for it to import.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use jpeg_encoder::{ColorType, Encoder};

/// A picture of red, green and blue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Rows from the top.
    pub(crate) pixels: Vec<[u8; 3]>,
}

impl Picture {
    pub(crate) fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        assert!(x < self.width);
        self.pixels[(y * self.width + x) as usize]
    }
}

/// Reads a PNG of 8 bits in three colours.
pub(crate) fn read_png(path: &Path) -> Picture {
    let file = BufReader::new(File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut samples).unwrap();
    assert_eq!(
        (frame.color_type, frame.bit_depth),
        (png::ColorType::Rgb, png::BitDepth::Eight)
    );
    let (pixels, rest) = samples.as_chunks::<3>();
    assert_eq!((pixels.len() as u32, rest.len()), (frame.width * frame.height, 0));
    Picture {
        width: frame.width,
        height: frame.height,
        pixels: pixels.to_vec(),
    }
}

/// A JPEG of grey pixels, or of three colours where `samples` has three a pixel.
pub(crate) fn jpeg(samples: &[u8], width: usize, height: usize, quality: u8) -> Vec<u8> {
    let colours = if samples.len() == width * height {
        ColorType::Luma
    } else {
        ColorType::Rgb
    };
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, quality)
        .encode(samples, width as u16, height as u16, colours)
        .unwrap();
    bytes
}
