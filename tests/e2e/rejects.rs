//! Tests recordings that are refused, early or after many clips, and what becomes of the others.

use std::fs;

use crate::dataset_rows::{asset, clips_of, images_of, open};
use crate::program::l48;
use crate::recordings::{RATE_HZ, Workplace, noise};

/// Three recordings in one shard, the middle one (asset 2) made by `damage`.
fn with_a_damaged_middle(extension: &str, damage: impl Fn(&Workplace, &str)) -> Workplace {
    let place = Workplace::with_recordings("", &[(1, 7.0), (3, 9.5)]);
    let middle = format!("audio/2.{extension}");
    damage(&place, &middle);
    place.edit(
        "recordings.csv",
        "3,audio/3.wav",
        &format!("2,{middle},eastow,train\n3,audio/3.wav"),
    );
    place
}

/// Builds and checks that assets 1 and 3 are as in a build without asset 2; returns (stage, reason) of asset 2.
fn refusal(place: &Workplace) -> (String, String) {
    let (manifest, out) = (place.manifest(), place.path("out"));
    let built = l48!("build", &manifest, "--out", &out, "--threads", "2").expect(1);
    let built = built
        .prints("1 recording was rejected")
        .complains("rejected asset 2 (audio/2.");
    assert!(built.stdout.contains("7 clips of 2 recordings"), "{}", built.stdout);
    l48!("verify", &out).expect(0);
    let table = place.read("recordings.csv");
    let without: Vec<&str> = table.lines().filter(|line| !line.starts_with("2,")).collect();
    place.write("recordings.csv", &(without.join("\n") + "\n"));
    l48!("build", &manifest, "--out", place.path("without")).expect(0);
    let (with, without) = (open(&out), open(&place.path("without")));
    for id in [1, 3] {
        assert_eq!(asset(&with, id), asset(&without, id));
        assert_eq!(clips_of(&with, id), clips_of(&without, id));
        assert!(images_of(&with, id) == images_of(&without, id), "images of asset {id}");
    }
    assert_eq!(asset(&with, 3).first_row, 3);
    assert!(with.assets().iter().all(|asset| asset.asset_id != 2));
    let rejects = with.rejects().unwrap();
    assert_eq!(rejects.len(), 1);
    assert_eq!(
        (rejects[0].asset_id, rejects[0].path.starts_with("audio/2.")),
        (2, true)
    );
    assert_eq!(with.info().counts.rejects, 1);
    (rejects[0].stage.clone(), rejects[0].reason.clone())
}

#[test]
fn a_nan_after_sixteen_clips() {
    let place = with_a_damaged_middle("wav", |place, middle| {
        let mut samples = noise(RATE_HZ, 60.0, 2);
        samples[50 * RATE_HZ as usize] = f32::NAN;
        place.wav_float(middle, RATE_HZ, &samples);
    });
    let (stage, reason) = refusal(&place);
    assert_eq!(stage, "decode");
    assert!(
        reason.contains("NaN") && reason.contains(&(50 * RATE_HZ).to_string()),
        "{reason}"
    );
}

#[test]
fn a_flac_cut_off_after_many_clips() {
    let place = with_a_damaged_middle("flac", |place, middle| {
        place.flac(middle, RATE_HZ, &noise(RATE_HZ, 60.0, 2));
        let bytes = fs::read(place.path(middle)).unwrap();
        place.write_bytes(middle, &bytes[..bytes.len() * 9 / 10]);
    });
    let (stage, _) = refusal(&place);
    assert_eq!(stage, "decode");
}

#[test]
fn a_flac_with_one_wrong_bit_after_many_clips() {
    let place = with_a_damaged_middle("flac", |place, middle| {
        place.flac(middle, RATE_HZ, &noise(RATE_HZ, 60.0, 2));
        let mut bytes = fs::read(place.path(middle)).unwrap();
        let at = bytes.len() * 9 / 10;
        bytes[at] ^= 0x10;
        place.write_bytes(middle, &bytes);
    });
    let (stage, _) = refusal(&place);
    assert_eq!(stage, "decode");
}

#[test]
fn a_wav_shorter_than_it_says() {
    let place = with_a_damaged_middle("wav", |place, middle| {
        place.wav(middle, RATE_HZ, 1, &noise(RATE_HZ, 60.0, 2));
        let bytes = fs::read(place.path(middle)).unwrap();
        place.write_bytes(middle, &bytes[..bytes.len() - 1001]);
    });
    let (stage, reason) = refusal(&place);
    assert_eq!(stage, "decode");
    assert!(reason.contains("truncated"), "{reason}");
}

#[test]
fn an_empty_file_and_one_that_is_no_recording() {
    let place = with_a_damaged_middle("wav", |place, middle| place.write_bytes(middle, b""));
    let (_, reason) = refusal(&place);
    assert!(reason.contains("an empty file"), "{reason}");
    let page = b"<!DOCTYPE html><html>404</html>";
    let place = with_a_damaged_middle("wav", |place, middle| place.write_bytes(middle, page));
    let (stage, reason) = refusal(&place);
    assert_eq!(stage, "open");
    assert!(reason.contains("not a recording, but a web page"), "{reason}");
}

#[test]
fn a_recording_without_a_whole_clip_when_tails_are_dropped() {
    let place = with_a_damaged_middle("wav", |place, middle| {
        place.wav(middle, RATE_HZ, 1, &noise(RATE_HZ, 2.9, 2))
    });
    let manifest = place.read("manifest.toml");
    place.write("manifest.toml", &format!("{manifest}[clips]\ntail = \"drop\"\n"));
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out)
        .expect(1)
        .prints("5 clips of 2 recordings");
    let rejects = open(&out).rejects().unwrap();
    assert_eq!((rejects[0].asset_id, rejects[0].stage.as_str()), (2, "window"));
}
