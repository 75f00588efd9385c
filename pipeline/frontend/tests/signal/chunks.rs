//! AIFF, CAF and MP4 files, and raw AAC, as `bookkeeping` has FLAC and MP3: accepted and noted, or refused by name.

use crate::bookkeeping::{assert_refused, assert_same, fixture, read, right_alac};
use crate::formats::{aiff, atom, extended, mp4, samples};

/// A chunk of AIFF; unless `padded`, one of odd length has no padding.
fn chunk(id: &[u8; 4], body: &[u8], padded: bool) -> Vec<u8> {
    let mut chunk = [&id[..], &(body.len() as u32).to_be_bytes(), body].concat();
    if padded && body.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}

fn form(form: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [&form[..], &chunks.concat()].concat();
    [&b"FORM"[..], &(body.len() as u32).to_be_bytes(), &body].concat()
}

/// The common chunk and the sound chunk of a file by `aiff`.
fn parts() -> (Vec<u8>, Vec<u8>) {
    let file = aiff(samples().len() as u32);
    (file[12..38].to_vec(), file[38..].to_vec())
}

#[test]
fn the_size_of_an_aiff_form_does_not_matter() {
    let plain = aiff(samples().len() as u32);
    for size in [0u32, 4, 100, u32::MAX, plain.len() as u32 + 16] {
        let mut odd = plain.clone();
        odd[4..8].copy_from_slice(&size.to_be_bytes());
        assert_same(&plain, &odd, &["file size in the header"]);
    }
}

#[test]
fn chunks_of_aiff_beside_the_sound_may_hold_anything() {
    let plain = aiff(samples().len() as u32);
    let (common, sound) = parts();
    let damaged: Vec<Vec<u8>> = [b"ID3 ", b"MARK", b"COMT", b"APPL", b"NAME", b"(c) ", b"none"]
        .iter()
        .map(|id| chunk(id, &[0xff; 31], true))
        .collect();
    let damaged = damaged.concat();
    for chunks in [
        [common.clone(), sound.clone(), damaged.clone()],
        [damaged.clone(), common.clone(), sound.clone()],
        [sound.clone(), damaged.clone(), common.clone()],
    ] {
        assert_same(&plain, &form(b"AIFF", &chunks), &[]);
    }
    for (chunk, note) in [
        (chunk(b"ANNO", b"odd", false), "missing padding"),
        (b"ID3 \0\0\xff\xffcut".to_vec(), "cut chunk behind the sound"),
        (b"\0\0\0\0\0\0\0\0\0".to_vec(), "trailing bytes"),
    ] {
        let author = if note == "missing padding" {
            chunk_of_author()
        } else {
            Vec::new()
        };
        let odd = form(b"AIFF", &[common.clone(), sound.clone(), chunk, author]);
        assert_same(&plain, &odd, &[note]);
    }
    let odd = form(b"AIFF", &[chunk(b"ANNO", b"odd", false), common.clone(), sound.clone()]);
    assert_same(&plain, &odd, &["missing padding"]);
    assert_refused(
        &form(b"AIFF", &[common.clone(), sound.clone(), sound.clone()]),
        "two sound chunks",
    );
    assert_refused(
        &form(b"AIFF", &[sound.clone(), common.clone(), common.clone()]),
        "two common chunks",
    );
    assert_refused(&form(b"AIFF", std::slice::from_ref(&common)), "no sound chunk");
    assert_refused(
        &form(b"AIFF", &[b"ANNO\0\x01\0\0x".to_vec(), common, sound]),
        "truncated",
    );
}

fn chunk_of_author() -> Vec<u8> {
    chunk(b"AUTH", b"me", true)
}

#[test]
fn the_sound_of_aiff_may_start_behind_an_offset() {
    let plain = aiff(samples().len() as u32);
    let (common, sound) = parts();
    let aligned = [&8u32.to_be_bytes()[..], &512u32.to_be_bytes(), &[0xff; 8], &sound[16..]].concat();
    assert_same(
        &plain,
        &form(b"AIFF", &[common.clone(), chunk(b"SSND", &aligned, true)]),
        &[],
    );
    let mut short = aligned;
    short[3] = 4;
    assert_refused(
        &form(b"AIFF", &[common, chunk(b"SSND", &short, true)]),
        "its sound chunk holds 20004 bytes",
    );
}

#[test]
fn aiff_c_of_an_odd_frame_needs_no_padding_and_no_name() {
    let bytes = [0x80, 0x00, 0x7f, 0x10, 0x20];
    let mut common = b"\0\x01\0\0\0\x05\0\x08".to_vec();
    common.extend(extended(8000));
    common.extend(b"raw ");
    let file = form(
        b"AIFC",
        &[
            chunk(b"COMM", &common, true),
            chunk(b"SSND", &[&[0; 8][..], &bytes].concat(), false),
        ],
    );
    let (samples, notes) = read(&file).unwrap();
    assert_eq!((samples.len(), notes.len()), (5, 0));
    let mut other = file;
    let at = other.windows(4).position(|id| id == b"raw ").unwrap();
    other[at..at + 4].copy_from_slice(b"QDM2");
    assert_refused(&other, "AIFF-C with codec QDM2 is not supported");
}

/// A CAF file of 16-bit samples; the length of its data chunk as it is stored.
fn caf(data_size: i64, front: &[u8], behind: &[u8]) -> Vec<u8> {
    let data: Vec<u8> = samples().into_iter().flatten().flat_map(i16::to_be_bytes).collect();
    let mut file = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
    file.extend(24_000f64.to_be_bytes());
    file.extend(b"lpcm");
    for field in [0u32, 4, 1, 2, 16] {
        file.extend(field.to_be_bytes());
    }
    file.extend(front);
    file.extend(b"data");
    file.extend(data_size.to_be_bytes());
    file.extend([0; 4]);
    file.extend(data);
    file.extend(behind);
    file
}

#[test]
fn the_data_of_caf_may_reach_to_the_end() {
    let plain = caf(20_004, b"", b"");
    assert_same(&plain, &caf(-1, b"", b""), &["data chunk without a length"]);
    assert_same(
        &plain,
        &caf(-1, b"", b"xyz"),
        &["data chunk without a length", "partial frame at the end"],
    );
    assert_refused(&caf(-2, b"", b""), "expected a chunk of CAF");
    assert_refused(
        &caf(20_005, b"", b""),
        "truncated: chunk 'data' needs 20005 bytes, 20004 are present",
    );
}

#[test]
fn chunks_of_caf_beside_the_sound_may_hold_anything() {
    let plain = caf(20_004, b"", b"");
    let odd = |id: &[u8; 4]| [&id[..], &9u64.to_be_bytes(), &[0xff; 9]].concat();
    let odd = [odd(b"info"), odd(b"mark"), odd(b"strg"), odd(b"uuid"), odd(b"free")].concat();
    assert_same(&plain, &caf(20_004, &odd, &odd), &[]);
    assert_same(
        &plain,
        &caf(20_004, b"", b"info\0\0\0\0\0\0\x01\0cut"),
        &["cut chunk behind the sound"],
    );
    assert_same(&plain, &caf(20_004, b"", &[0; 100]), &["zero fill"]);
    // Samples, and the rest of a longer recording.
    assert_refused(
        &caf(20_004, b"", b"\x01\x7f\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"),
        "expected a chunk of CAF",
    );
    // The same, and by chance a code before it.
    assert_refused(
        &caf(20_004, b"", b"Abcd\x7f\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"),
        "expected a chunk of CAF",
    );
    assert_refused(&caf(19_004, b"", b""), "expected a chunk of CAF");
    let mut packed = caf(20_004, b"", b"");
    packed[39] = 6;
    assert_refused(
        &packed,
        "it declares packets of 6 bytes and 1 frames, 2 channels of 16 bits",
    );
}

#[test]
fn the_last_packet_of_alac_in_caf_says_how_long_it_is() {
    let plain = fixture("alac.caf");
    let (samples, notes) = read(&plain).unwrap();
    // ffmpeg declares a whole packet of 4,096.
    assert_eq!((samples.len(), notes), (800, vec!["frames in the packet table"]));
    let table = plain.windows(4).position(|id| id == b"pakt").unwrap();
    assert_eq!(read(&right_alac()).unwrap(), (samples, vec![]));
    let mut other = plain.clone();
    other[table + 27] = 1;
    assert_refused(&other, "frames, 800 were decoded");
    let mut bytes = plain;
    bytes[table + 37] ^= 1;
    assert_refused(&bytes, "its packet table has 1 packets of");
}

#[test]
fn pcm_in_quicktime_is_read_in_either_byte_order() {
    // The sweep that `make.sh` makes, at the time of a frame.
    let sweep = |rate: f64| {
        move |i: usize| {
            let t = i as f64 / rate;
            0.4 * (std::f64::consts::TAU * (300.0 * t + 200.0 * t * t)).sin()
        }
    };
    for (name, rate, frames, tolerance) in [
        ("twos.mov", 8000.0, 800, 1e-4),
        ("in24.mov", 8000.0, 800, 1e-6),
        ("lpcm.mov", 96_000.0, 960, 1e-6),
        ("ulaw.mov", 8000.0, 800, 0.02),
    ] {
        let (samples, notes) = read(&fixture(name)).unwrap();
        assert_eq!((samples.len(), notes.len()), (frames, 0), "{name}");
        let worst = samples
            .iter()
            .enumerate()
            .map(|(i, s)| (f64::from(*s) - sweep(rate)(i)).abs());
        assert!(worst.fold(0.0, f64::max) < tolerance, "{name}");
    }
}

#[test]
fn boxes_of_mp4_behind_the_sound_and_a_file_type_do_not_matter() {
    for plain in [fixture("aac.m4a"), mp4(&[])] {
        // Its size is larger than the rest of the file.
        let odd = [&plain[..], b"\0\0\x01\0freexyz"].concat();
        assert_same(&plain, &odd, &["trailing bytes"]);
        let cut = [&plain[..], b"\0\0\x01\0mdatxyz"].concat();
        assert_refused(&cut, "truncated: box mdat");
        let more = [plain.clone(), atom(b"udta", &[&[0xff; 20]])].concat();
        assert_same(&plain, &more, &[]);
    }
    // QuickTime from before there was a file type: `free` keeps the offsets of chunks as they are.
    let plain = fixture("aac.m4a");
    let mut old = plain.clone();
    old[..8].copy_from_slice(b"\0\0\0\x08wide");
    old[8..16].copy_from_slice(&[0, 0, 0, plain[3] - 8, b'f', b'r', b'e', b'e']);
    assert_same(&plain, &old, &[]);
}

#[test]
fn the_last_box_of_mp4_may_have_no_size_or_one_of_64_bits() {
    let plain = mp4(&[]);
    let at = plain.windows(4).position(|kind| kind == b"mdat").unwrap() - 4;
    let mut open = plain.clone();
    open[at..at + 4].fill(0);
    assert_same(&plain, &open, &[]);
    for name in ["aac.m4a", "pause.m4a"] {
        let plain = fixture(name);
        let at = plain.windows(4).position(|kind| kind == b"mdat").unwrap() - 4;
        // ffmpeg reserves 8 bytes before for a size of 64 bits.
        assert_eq!(&plain[at - 8..at], b"\0\0\0\x08free", "{name}");
        let mut wide = plain.clone();
        let size = u32::from_be_bytes(*plain[at..].first_chunk().unwrap());
        wide[at - 8..at - 4].copy_from_slice(&1u32.to_be_bytes());
        wide[at - 4..at].copy_from_slice(b"mdat");
        wide[at..at + 8].copy_from_slice(&(u64::from(size) + 8).to_be_bytes());
        let (notes, samples) = (read(&plain).unwrap().1, read(&plain).unwrap().0);
        assert_eq!(read(&wide).unwrap(), (samples, notes), "{name}");
    }
}

#[test]
fn rates_and_pauses_of_mp4() {
    let (samples, notes) = read(&fixture("aac_96k.m4a")).unwrap();
    assert_eq!((samples.len(), notes.len()), (9600, 0));
    let (samples, notes) = read(&fixture("pause.m4a")).unwrap();
    assert_eq!((samples.len(), notes), (9 * 1024, vec!["pause before the sound"]));
    // The rate of the sample entry is not that of the codec and of the time scale.
    let plain = fixture("aac.m4a");
    let at = plain.windows(4).position(|kind| kind == b"mp4a").unwrap();
    let mut odd = plain.clone();
    odd[at + 28..at + 30].copy_from_slice(&44_100u16.to_be_bytes());
    assert_same(&plain, &odd, &["sampling rate of the container"]);
}

#[test]
fn kinds_of_aac_and_codecs_of_mp4_are_refused_by_name() {
    let plain = fixture("aac.m4a");
    let at = plain.windows(4).position(|kind| kind == b"mp4a").unwrap();
    for (codec, name) in [
        (b"ac-3", "AC-3"),
        (b"samr", "AMR"),
        (b"Opus", "Opus"),
        (b"xxxx", "codec xxxx"),
    ] {
        let mut odd = plain.clone();
        odd[at..at + 4].copy_from_slice(codec);
        assert_refused(&odd, &format!("{name} in MP4 is not supported"));
    }
    // The object type of the descriptor, 13 bytes before its own configuration.
    let object = at + plain[at..].windows(2).position(|tag| tag == [0x04, 0x80]).unwrap() + 5;
    for (kind, name) in [(0x6b, "MP3"), (0xa5, "AC-3"), (0xdd, "Vorbis")] {
        let mut odd = plain.clone();
        odd[object] = kind;
        assert_refused(&odd, &format!("{name} in MP4 is not supported"));
    }
    // The codec's own configuration: 5 bits of object type, 4 of rate, 4 of channels.
    let config = at + plain[at..].windows(2).position(|tag| tag == [0x05, 0x80]).unwrap() + 5;
    assert_eq!(plain[config] >> 3, 2);
    for (object, name) in [(5, "HE-AAC"), (1, "AAC Main"), (29, "HE-AAC"), (23, "low-delay AAC")] {
        let mut odd = plain.clone();
        odd[config] = object << 3 | plain[config] & 7;
        assert_refused(&odd, name);
    }
    // ffmpeg marks the absence of spectral band replication; a bit says that there is some.
    assert_eq!(&plain[config + 2..config + 5], b"\x56\xe5\0");
    let mut odd = plain;
    odd[config + 4] = 0x80;
    assert_refused(
        &odd,
        "HE-AAC (AAC with spectral band replication) in MP4 is not supported",
    );
}

#[test]
fn raw_aac_is_what_its_frames_hold() {
    let raw = fixture("adts.aac");
    let (samples, notes) = read(&raw).unwrap();
    // The same packets, with the delay of the encoder before them, which nothing declares here.
    let (packaged, _) = read(&fixture("aac.m4a")).unwrap();
    assert_eq!((samples.len() % 1024, notes.len()), (0, 0));
    assert!(samples.len() > 9000);
    assert_eq!(samples[1024..9000], packaged[..9000 - 1024]);
    assert_same(&raw, &[raw.clone(), [&b"TAG"[..], &[b'x'; 125]].concat()].concat(), &[]);
    assert_refused(&raw[..raw.len() - 1], "truncated: the last AAC frame");
    assert_refused(&[raw.clone(), vec![0; 9]].concat(), "expected the next AAC frame");
    let frame = usize::from(raw[3] & 3) << 11 | usize::from(raw[4]) << 3 | usize::from(raw[5] >> 5);
    let mut odd = raw.clone();
    odd[frame + 2] ^= 4;
    assert_refused(&odd, "changes rate, channels or profile");
    let mut odd = raw.clone();
    odd.drain(frame..frame + 5);
    assert_refused(&odd, "expected the next AAC frame");
    for (at, bits, name) in [(2, 0x40, "another kind than LC"), (6, 1, "several blocks a frame")] {
        let mut odd = raw.clone();
        odd[at] ^= bits;
        assert_refused(&odd, name);
    }
}
