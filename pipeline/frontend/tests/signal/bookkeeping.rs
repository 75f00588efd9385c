//! Files whose sound is whole and whose bookkeeping is wrong are read, and what is wrong is noted; where sound may be
//! missing they are refused.

use std::path::Path;

use frontend::audio::{Channel, Decoder, probe};

use crate::encoded;

/// What became of a file: its samples and the kinds of its notes, or the reason of the refusal.
pub(crate) type Outcome = Result<(Vec<f32>, Vec<&'static str>), String>;

pub(crate) fn read(bytes: &[u8]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, bytes).unwrap();
    read_file(&path)
}

pub(crate) fn read_file(path: &Path) -> Outcome {
    let samples = || {
        let mut decoder = Decoder::open(path, Channel::Mean)?;
        let mut samples = Vec::new();
        while decoder.read(&mut samples)? > 0 {}
        assert_eq!(decoder.header().declared_frames, Some(samples.len() as u64));
        Ok((samples, decoder.notes().iter().map(|note| note.kind()).collect()))
    };
    let outcome: Result<_, frontend::audio::Reject> = samples();
    if outcome.is_ok() {
        probe(path).unwrap();
    }
    outcome.map_err(|reject| reject.to_string())
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(encoded::file(name)).unwrap()
}

/// Reads `odd`, which has to hold what `plain` holds.
#[track_caller]
pub(crate) fn assert_same(plain: &[u8], odd: &[u8], notes: &[&str]) {
    let (expected, _) = read(plain).unwrap();
    let (samples, found) = read(odd).unwrap();
    assert_eq!(samples.len(), expected.len());
    assert!(samples == expected, "other samples");
    assert_eq!(found, notes);
}

#[track_caller]
pub(crate) fn assert_refused(bytes: &[u8], reason: &str) {
    let refusal = read(bytes).unwrap_err();
    assert!(refusal.contains(reason), "{refusal}");
}

fn id3v1() -> Vec<u8> {
    [&b"TAG"[..], &[b'x'; 125]].concat()
}

fn id3v2(bytes: u8) -> Vec<u8> {
    [&b"ID3\x03\0\0\0\0\0"[..], &[bytes], &vec![b'x'; usize::from(bytes)]].concat()
}

fn ape() -> Vec<u8> {
    let ends = |flags: u8| [&b"APETAGEX\xd0\x07\0\0\x25\0\0\0\0\0\0\0\0\0\0"[..], &[flags], &[0; 8]].concat();
    [ends(0xa0), b"items".to_vec(), ends(0x80)].concat()
}

fn lyrics() -> Vec<u8> {
    b"LYRICSBEGININD00003110000022LYRICS200".to_vec()
}

/// Where the first frame of a FLAC file is, by the lengths of its blocks.
fn flac_frames(file: &[u8]) -> usize {
    let mut at = 4;
    loop {
        let size = u32::from_be_bytes([0, file[at + 1], file[at + 2], file[at + 3]]) as usize;
        let is_last = file[at] & 0x80 != 0;
        at += 4 + size;
        if is_last {
            return at;
        }
    }
}

#[test]
fn tags_around_flac_do_not_matter() {
    let plain = fixture("sweep.flac");
    for tail in [id3v1(), ape(), [ape(), lyrics(), id3v1()].concat()] {
        let odd = [plain.clone(), tail].concat();
        assert_same(&plain, &odd, &["trailing tag"]);
        assert_same(&plain, &[id3v2(20), odd].concat(), &["trailing tag"]);
    }
    assert_refused(
        &[plain.clone(), b"some more bytes".to_vec()].concat(),
        "ends within a FLAC frame",
    );
}

#[test]
fn blocks_of_flac_may_hold_anything() {
    let plain = fixture("sweep.flac");
    let frames = flac_frames(&plain);
    let mut head = plain[..42].to_vec();
    head[4] = 0;
    // A seek table of half a point, a comment and a picture of lengths that lead nowhere, a cue sheet, and the rest.
    let mut kinds: Vec<u8> = vec![3, 4, 6, 5, 2, 1, 99];
    for kind in &mut kinds {
        head.extend([*kind, 0, 0, 9]);
        head.extend([0xff; 9]);
    }
    let last = head.len() - 13;
    head[last] |= 0x80;
    let odd = [head.clone(), plain[frames..].to_vec()].concat();
    assert_same(&plain, &odd, &[]);
    let mut longer = odd.clone();
    longer[last + 3] += 1;
    assert_refused(&longer, "expected the first FLAC frame");
    let mut twice = odd;
    twice[42] = 0;
    assert_refused(&twice, "STREAMINFO is there twice");
}

#[test]
fn sizes_of_flac_blocks_come_from_its_frames() {
    let plain = fixture("sweep.flac");
    // The smallest block and frame are left at 0; the sizes are those of the short last block; the largest is too
    // small.
    for (range, value) in [(8..10, 0u16), (8..10, 544), (8..10, 4096), (10..12, 192)] {
        let mut odd = plain.clone();
        odd[range].copy_from_slice(&value.to_be_bytes());
        assert_same(&plain, &odd, &["sizes of FLAC's blocks"]);
    }
    let mut odd = plain.clone();
    odd[12..18].copy_from_slice(&[0, 0, 0, 0, 0, 9]);
    assert_same(&plain, &odd, &[]);
}

#[test]
fn the_rate_of_flac_is_that_of_its_frames() {
    let mut odd = fixture("sweep.flac");
    odd[18] ^= 1;
    assert_refused(
        &odd,
        "it declares 19904 Hz, 1 channels and 16 bits, its frames have 24000 Hz",
    );
}

#[test]
fn a_total_of_flac_is_doubted_only_against_its_checksum() {
    let plain = fixture("sweep.flac");
    let put = |total: u32, md5: bool| {
        let mut odd = plain.clone();
        odd[22..26].copy_from_slice(&total.to_be_bytes());
        if !md5 {
            odd[26..42].fill(0);
        }
        odd
    };
    assert_same(&plain, &put(8000, true), &["number of samples"]);
    assert_same(&plain, &put(3999, true), &["number of samples"]);
    assert_same(&plain, &put(0, true), &[]);
    assert_same(&plain, &put(0, false), &[]);
    assert_refused(&put(8000, false), "declares 8000 frames, 4000 were decoded");
    let mut wrong = put(8000, true);
    wrong[30] ^= 1;
    assert_refused(&wrong, "declares 8000 frames, 4000 were decoded");
    // Cut between frames: the total is right, and the checksum says so.
    let starts: Vec<usize> = (flac_frames(&plain)..plain.len() - 1)
        .filter(|&at| plain[at] == 0xff && plain[at + 1] == 0xf8 && plain[at + 4] < 4)
        .collect();
    assert_eq!(starts.len(), 4);
    assert_refused(&plain[..starts[3]], "declares 4000 frames, 3456 were decoded");
    let headless = [&plain[..starts[0]], &plain[starts[1]..]].concat();
    assert_refused(&headless, "its first frame has number 1: its start is missing");
}

#[test]
fn bytes_between_a_tag_and_the_first_mp3_frame() {
    for name in ["lame.mp3", "untagged.mp3"] {
        let plain = fixture(name);
        for junk in [&b"    "[..], b"\0\0\0x", b"\xff\xfb, not a frame"] {
            let odd = [&id3v2(30)[..], junk, &plain].concat();
            if name == "lame.mp3" {
                // As ffmpeg has it: the frame of the tag is silence, and the delay of the encoder is kept.
                let (samples, notes) = read(&odd).unwrap();
                assert_eq!((samples.len(), notes), (24 * 576, vec!["bytes before the first frame"]));
                assert!(samples[..576].iter().all(|&sample| sample == 0.0));
                let plain = read(&plain).unwrap().0;
                assert_eq!(samples[576 + 1105..][..plain.len()], plain);
                continue;
            }
            assert_same(
                &plain,
                &[&id3v2(30)[..], junk, &plain].concat(),
                &["bytes before the first frame"],
            );
        }
        assert_same(&plain, &[&id3v2(30)[..], &[0; 700], &plain].concat(), &[]);
        // Long enough to have been a frame: only the tag of a first frame says that none is missing.
        let odd = [&id3v2(30)[..], &[b'x'; 500], &plain].concat();
        match name {
            "lame.mp3" => assert_eq!(read(&odd).unwrap().0.len(), 24 * 576),
            _ => assert_refused(&odd, "expected the first MP3 frame"),
        }
        assert_refused(
            &[b"    ".to_vec(), plain.clone()].concat(),
            "not a known audio container",
        );
        // A tag that claims the first frame: 576 samples would be lost.
        let mut swallows = [id3v2(30), plain.clone()].concat();
        swallows[9] += 96;
        let reason = match name {
            "untagged.mp3" => "the tag's length is wrong",
            _ => "expected the first MP3 frame",
        };
        assert_refused(&swallows, reason);
    }
}

#[test]
fn tags_behind_mp3_do_not_matter_in_any_order() {
    for name in ["lame.mp3", "untagged.mp3"] {
        let plain = fixture(name);
        for tail in [
            [id3v1(), ape()].concat(),
            [ape(), lyrics(), id3v1()].concat(),
            [lyrics(), ape(), id3v1(), id3v1()].concat(),
            [vec![0; 300], ape()].concat(),
        ] {
            assert_same(&plain, &[plain.clone(), tail].concat(), &[]);
        }
        assert_refused(
            &[plain.clone(), b"not a tag".to_vec(), ape()].concat(),
            "expected the next MP3 frame",
        );
        assert_refused(
            &[&plain[..plain.len() - 5], &id3v1()].concat(),
            "truncated: the last MP3 frame",
        );
    }
}

#[test]
fn a_tag_of_mp3_may_count_its_own_frame_but_no_lost_one() {
    let plain = fixture("lame.mp3");
    let at = plain
        .windows(4)
        .position(|name| [b"Xing", b"Info"].contains(&name.first_chunk().unwrap()))
        .unwrap();
    let count = u32::from_be_bytes(*plain[at + 8..].first_chunk().unwrap());
    let put = |count: u32| {
        let mut odd = plain.clone();
        odd[at + 8..at + 12].copy_from_slice(&count.to_be_bytes());
        odd
    };
    // Its padding is that before the end that it declares, which lies behind the last frame.
    let (samples, notes) = read(&put(count + 1)).unwrap();
    let plain_samples = read(&plain).unwrap().0;
    assert_eq!(
        (samples.len(), notes),
        (23 * 576 - 1105, vec!["tag that counts its own frame"])
    );
    assert_eq!(samples[..plain_samples.len()], plain_samples);
    // The checksum of the tag, which was made with the right count, covers the encoder's delay.
    let delay = at + 120 + 21;
    let mut odd = put(count + 1);
    odd[delay] ^= 1;
    assert_refused(&odd, "its LAME tag fails its checksum");
    assert_refused(&put(count + 2), "its tag declares");
    let mut misspelt = plain.clone();
    misspelt[at] ^= 0x20;
    assert_refused(&misspelt, "the tag in its first frame is damaged");
    // A file that lost its last frame.
    let last = plain.len() - last_mp3_frame(&plain);
    assert_refused(&plain[..last], "its tag declares");
}

/// Bytes of the last frame, by its header's place.
fn last_mp3_frame(file: &[u8]) -> usize {
    let at = (0..file.len() - 1)
        .rfind(|&at| file[at] == 0xff && file[at + 1] == 0xf3)
        .unwrap();
    file.len() - at
}

/// The file of ALAC with a packet table that leaves out what the last packet lacks: frames, and those to leave out.
pub(crate) fn right_alac() -> Vec<u8> {
    let mut file = fixture("alac.caf");
    let table = file.windows(4).position(|id| id == b"pakt").unwrap();
    file[table + 20..table + 28].copy_from_slice(&800u64.to_be_bytes());
    file[table + 32..table + 36].copy_from_slice(&3296u32.to_be_bytes());
    file
}

/// Files with odd bookkeeping, of formats whose lengths are all checked.
fn odd_files() -> Vec<(&'static str, Vec<u8>)> {
    let flac = fixture("sweep.flac");
    let mut total = flac.clone();
    total[22..26].copy_from_slice(&8000u32.to_be_bytes());
    let corpus = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/decode_clip");
        std::fs::read(folder.join(name)).unwrap()
    };
    vec![
        ("flac_total.flac", total),
        ("flac_tags.flac", corpus("flac_tags.flac")),
        ("mp3_junk.mp3", corpus("mp3_junk.mp3")),
        ("mp3_lame.mp3", [id3v2(9), fixture("lame.mp3"), ape(), id3v1()].concat()),
        ("aiff_odd.aiff", corpus("aiff_odd.aiff")),
        ("alac.caf", right_alac()),
        ("adts.aac", corpus("adts.aac")),
    ]
}

#[test]
fn flipped_bits_of_odd_files_change_no_length() {
    for (name, intact) in odd_files() {
        let (expected, _) = read(&intact).unwrap();
        // Every byte where headers are, then fewer; which bit varies from byte to byte.
        let places = (0..intact.len()).filter(|at| *at < 200 || at % 13 == 0);
        let wrong: Vec<usize> = places
            .filter(|&at| {
                let mut bytes = intact.clone();
                bytes[at] ^= 1 << (at * 5 % 8);
                read(&bytes).is_ok_and(|(samples, _)| samples.len() != expected.len())
            })
            .collect();
        assert!(
            wrong.is_empty(),
            "{name}: other lengths with a bit flipped in bytes {wrong:?}"
        );
    }
}

#[test]
fn odd_files_cut_anywhere_are_refused_or_whole() {
    for (name, intact) in odd_files() {
        let (expected, _) = read(&intact).unwrap();
        let step = 1 + intact.len() / 200;
        let lost: Vec<usize> = (0..intact.len())
            .step_by(step)
            .filter(|&cut| read(&intact[..cut]).is_ok_and(|(samples, _)| samples != expected))
            .collect();
        // A cut between frames is another whole file where nothing counts them.
        let is_counted = !["mp3_junk.mp3", "adts.aac"].contains(&name);
        assert!(
            lost.is_empty() || !is_counted,
            "{name}: sound is lost in silence by cuts to {lost:?}"
        );
    }
}
