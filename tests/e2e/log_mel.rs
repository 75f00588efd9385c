//! Tests stored images against those of a reference implementation, with decoder and resampler in front.

use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use serde_json::Value;

use crate::dataset_rows::{clips_of, images_of, open};
use crate::outside::{fixtures, json, real_data};
use crate::program::{l48, workspace};
use crate::recordings::{RATE_HZ, TAXA, Workplace};

const SIDE: usize = 448;
/// Rows below the transition band of any good resampler: their filters end below 9,630 Hz.
const LOWER_ROWS: usize = 430;

/// A dataset of one file from `folder` as asset 1, made with the manifest's text.
fn dataset_of(place: &Workplace, file: &Path, manifest: &str) -> shardfmt::Dataset {
    let path = file.to_str().unwrap();
    place.write("taxa.csv", TAXA);
    place.write("boxes.csv", "asset_id,start_s,end_s,species_code\n");
    place.write("recordings.csv", &format!("asset_id,path,split\n1,{path},train\n"));
    place.write("manifest.toml", manifest);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out, "--overwrite").expect(0);
    open(&out)
}

#[test]
fn images_of_real_recordings_match_the_reference() {
    let (Some(data), Some(fixture)) = (real_data(), fixtures("logmel")) else {
        return;
    };
    let summary = json(&fixture.join("summary.json"));
    let bytes = fs::read(fixture.join("clips_22050_448.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let reference = tensors.tensor("u8").unwrap();
    assert_eq!(reference.shape(), [6, SIDE, SIDE]);
    let place = Workplace::new();
    let mut compared = 0;
    for (clip, expected) in summary["clips_a"]
        .as_array()
        .unwrap()
        .iter()
        .zip(reference.data().chunks(SIDE * SIDE))
    {
        let Some(file) = clip["file"].as_str() else {
            assert!(
                expected.iter().all(|&level| level == 255),
                "the clip without a file is digital silence"
            );
            continue;
        };
        let dataset = dataset_of(&place, &data.join("audio").join(file), crate::recordings::MINIMAL);
        let start_sample = clip["start_sample"].as_u64().unwrap();
        let rate_hz = f64::from(RATE_HZ);
        // Clip boundaries of the reference need not be ours: take the clips from where it starts.
        let clips = clips_of(&dataset, 1);
        let index = clips
            .iter()
            .position(|row| (row.start_s * rate_hz).round() as u64 == start_sample);
        let image = match index {
            Some(index) => images_of(&dataset, 1).swap_remove(index),
            None => {
                let hop = format!(
                    "{}[clips]\nhop_s = {}\n",
                    crate::recordings::MINIMAL,
                    start_sample as f64 / rate_hz
                );
                images_of(&dataset_of(&place, &data.join("audio").join(file), &hop), 1).swap_remove(1)
            }
        };
        compare(&image, expected, clip);
        compared += 1;
    }
    assert_eq!(compared, 5);
}

/// The limits come from running the reference behind other resamplers of good quality: at most 0.07 % of the lower
/// rows' pixels were one level off, and at most 1.8 % of the whole image by more than one.
fn compare(image: &[u8], expected: &[u8], clip: &Value) {
    assert_eq!(image.len(), expected.len());
    let off: Vec<u8> = image.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).collect();
    let lower = &off[..LOWER_ROWS * SIDE];
    let share =
        |levels: &[u8], above: u8| levels.iter().filter(|&&level| level > above).count() as f64 / levels.len() as f64;
    let name = &clip["name"];
    assert!(
        lower.iter().all(|&level| level <= 1),
        "{name}: {:?} levels off in rows 0-429",
        lower.iter().max()
    );
    assert!(
        share(lower, 0) <= 0.002,
        "{name}: {} of the pixels of rows 0-429 are off",
        share(lower, 0)
    );
    assert!(
        share(&off, 1) <= 0.03,
        "{name}: {} of the image is more than one level off",
        share(&off, 1)
    );
}

/// The formula of the reference makes digital silence white (its maximum is its reference); here it is black and
/// marked.
#[test]
fn digital_silence_is_black() {
    let place = Workplace::new();
    place.wav("silence.wav", RATE_HZ, 1, &vec![0.0; 3 * RATE_HZ as usize]);
    let dataset = dataset_of(&place, &place.path("silence.wav"), crate::recordings::MINIMAL);
    assert!(images_of(&dataset, 1)[0].iter().all(|&level| level == 0));
    assert!(clips_of(&dataset, 1)[0].silent);
}

#[test]
fn the_32_khz_manifest_matches_its_reference() {
    let (Some(data), Some(fixture)) = (real_data(), fixtures("logmel")) else {
        return;
    };
    let bytes = fs::read(fixture.join("clips_32000_128.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let reference = tensors.tensor("db").unwrap();
    let shape = [128, 501];
    assert_eq!(reference.shape(), [2, shape[0], shape[1]]);
    let floats = |bytes: &[u8]| -> Vec<f32> {
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|&four| f32::from_le_bytes(four))
            .collect()
    };
    let reference = floats(reference.data());
    let manifest = fs::read_to_string(workspace().join("manifests/birdset-32k.toml")).unwrap();
    let one_second = manifest.replace("hop_s = 5.0", "hop_s = 1.0");
    assert_ne!(manifest, one_second);
    let place = Workplace::new();
    // Both recordings have the dataset's rate: nothing but the transform lies between file and reference.
    let cases = [("Recording_1_Segment_07-snippet.wav", 5), ("rugr_drum.wav", 2)];
    for ((file, start_s), expected) in cases.into_iter().zip(reference.chunks(shape[0] * shape[1])) {
        let dataset = dataset_of(&place, &data.join("audio").join(file), &one_second);
        assert_eq!((dataset.head().clips.height, dataset.head().clips.width), (128, 501));
        let found = floats(&images_of(&dataset, 1)[start_s]);
        let worst = found
            .iter()
            .zip(expected)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        // 32-bit transforms of others are up to 0.006 dB off, near the floor of the logarithm; thrice that.
        assert!(worst <= 0.02, "{file}: {worst} dB off");
    }
}
