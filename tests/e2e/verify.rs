//! Tests that `l48 verify` finds damage anywhere in a dataset and names the file, and that readers refuse it.

use std::fs;

use shardfmt::verify::{Depth, Part, verify};

use crate::file_tree::tree;
use crate::program::l48;
use crate::recordings::Workplace;

#[test]
fn a_flipped_bit_is_found_and_named_wherever_it_is() {
    let place = Workplace::with_every_table(64);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    let files: Vec<String> = tree(&out).into_keys().filter(|name| !name.ends_with('/')).collect();
    assert_eq!(files.len(), 7, "{files:?}");
    for name in &files {
        let whole = fs::read(out.join(name)).unwrap();
        for at in [whole.len() / 20, whole.len() / 2, whole.len() - whole.len() / 20] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(out.join(name), &damaged).unwrap();
            let found = l48!("verify", &out).expect(2);
            assert!(
                found.stdout.contains(name) || found.stderr.contains(name),
                "{name} at byte {at}: {found:?}"
            );
        }
        fs::write(out.join(name), &whole).unwrap();
    }
    l48!("verify", &out).expect(0);
}

#[test]
fn the_damaged_clip_is_named() {
    let place = Workplace::with_recordings("", &[(41, 3.0), (42, 6.0)]);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    let shard = out.join("shards/00000.safetensors");
    let mut bytes = fs::read(&shard).unwrap();
    // The header takes 4096 bytes; the second clip of asset 42 is row 2.
    bytes[4096 + 2 * 448 * 448 + 1000] ^= 0x80;
    fs::write(&shard, &bytes).unwrap();
    l48!("verify", &out).expect(2).prints("asset 42, row 2");
    l48!("verify", &out, "--quick").expect(0);
    let inspected = l48!("inspect", &shard, "--json").expect(0).json();
    assert_eq!(inspected["damaged"].as_array().unwrap().len(), 1, "{inspected}");
}

#[test]
fn missing_cut_and_additional_files_are_named() {
    let place = Workplace::with_recordings("", &[(1, 6.0)]);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    let labels = out.join("labels/00000.parquet");
    let whole = fs::read(&labels).unwrap();
    fs::write(&labels, &whole[..whole.len() - 1]).unwrap();
    l48!("verify", &out, "--quick").expect(2).prints("labels/00000.parquet");
    fs::remove_file(&labels).unwrap();
    let missing = l48!("verify", &out, "--quick").expect(2);
    assert!(format!("{missing:?}").contains("labels/00000.parquet"), "{missing:?}");
    fs::write(&labels, &whole).unwrap();
    fs::write(out.join("labels/00001.parquet"), &whole).unwrap();
    l48!("verify", &out).expect(2).prints("labels/00001.parquet");
    fs::remove_file(out.join("labels/00001.parquet")).unwrap();
    l48!("verify", &out, "--quick").expect(0);
}

/// A linear congruential generator (Knuth, MMIX).
struct Positions(u64);

impl Positions {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0 >> 11) * below as u128) >> 53) as usize
    }
}

#[test]
fn random_bits_of_a_whole_dataset_are_found_one_by_one() {
    let place = Workplace::with_every_table(12);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    let files = tree(&out);
    let files: Vec<(&String, usize)> = files.iter().map(|(name, (bytes, _))| (name, *bytes as usize)).collect();
    let total: usize = files.iter().map(|(_, bytes)| bytes).sum();
    let mut positions = Positions(48);
    for _ in 0..60 {
        // By size: nearly all of a dataset is clips.
        let mut at = positions.next(total);
        let of = |(_, bytes): &&(&String, usize)| {
            let inside = at < *bytes;
            at -= if inside { 0 } else { *bytes };
            inside
        };
        let (name, _) = files.iter().find(of).unwrap();
        let bit = positions.next(8);
        let mut bytes = fs::read(out.join(name)).unwrap();
        bytes[at] ^= 1 << bit;
        fs::write(out.join(name), &bytes).unwrap();
        let found = verify(&out, Depth::Full, &mut |_, _| {}).unwrap().findings;
        assert_eq!(found.len(), 1, "{name}, byte {at}, bit {bit}: {found:?}");
        assert_eq!(&found[0].path, *name, "byte {at}, bit {bit}: {found:?}");
        // A clip is named by its recording and row.
        if name.starts_with("shards/") && (4096..4096 + 448 * 448).contains(&at) {
            assert!(matches!(found[0].part, Part::Record { row: 0, .. }), "{found:?}");
        }
        bytes[at] ^= 1 << bit;
        fs::write(out.join(name), &bytes).unwrap();
    }
    l48!("verify", &out).expect(0);
}
