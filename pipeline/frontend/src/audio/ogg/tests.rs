//! Files written by the tests, of packets that say how long they are and hold nothing else.

use std::io::Cursor;

use symphonia::core::formats::FormatReader;

use super::page::put_checksum;
use super::{Chain, Next, open};
use crate::audio::note::Note;
use crate::audio::ranged::Seekable;

/// A packet of Opus of 20 ms, and how many frames that is.
const PACKET: &[u8] = &[0x98, 1, 2, 3];
const FRAMES: u64 = 960;

const FIRST: u8 = 2;
const LAST: u8 = 4;
const CONTINUED: u8 = 1;

/// One page, from lacing values and the position.
fn page(flags: u8, position: i64, sequence: u32, lacing: &[u8], body: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(position.to_le_bytes());
    page.extend(7u32.to_le_bytes());
    page.extend(sequence.to_le_bytes());
    page.extend([0; 4]);
    page.push(lacing.len() as u8);
    page.extend(lacing);
    page.extend(body);
    put_checksum(&mut page);
    page
}

/// A page of `count` whole packets.
fn sound(flags: u8, position: i64, sequence: u32, count: usize) -> Vec<u8> {
    page(
        flags,
        position,
        sequence,
        &[PACKET.len() as u8].repeat(count),
        &PACKET.repeat(count),
    )
}

/// The two pages of headers.
fn headers(channels: u8, pre_skip: u16) -> Vec<Vec<u8>> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend(pre_skip.to_le_bytes());
    head.extend([0; 7]);
    vec![
        page(FIRST, 0, 0, &[head.len() as u8], &head),
        page(0, 0, 1, &[16], b"OpusTags\0\0\0\0\0\0\0\0"),
    ]
}

/// A file of one channel with these pages of sound: flags, position, packets.
fn file(pre_skip: u16, pages: &[(u8, i64, usize)]) -> Vec<u8> {
    let sounds = (2..)
        .zip(pages)
        .map(|(sequence, &(flags, position, count))| sound(flags, position, sequence, count));
    headers(1, pre_skip)
        .into_iter()
        .chain(sounds)
        .collect::<Vec<_>>()
        .concat()
}

/// Frames, and frames to drop at the start and at the end, of each packet; notes; or the reason.
type Read = Result<(Vec<(u64, u64, u64)>, Vec<Note>), String>;

fn read(file: &[u8]) -> Read {
    let source = |file: &[u8]| Box::new(Seekable::new(Cursor::new(file.to_vec())).unwrap());
    let mut chain = Chain::new(source(file), 0);
    let mut packets = Vec::new();
    loop {
        match chain.next().map_err(|reject| reject.to_string())? {
            Next::Stream => {}
            Next::Audio(audio) => packets.push((audio.frames, audio.trim_start, audio.trim_end)),
            Next::End => break,
        }
    }
    // What a decoder gets is the same.
    let mut reader = open(source(file), 0, true).map_err(|reject| reject.to_string())?;
    let kept: u64 = packets.iter().map(|(frames, start, end)| frames - start - end).sum();
    assert_eq!((reader.frames(), reader.notes()), (Some(kept), chain.notes()));
    let mut given = Vec::new();
    loop {
        match reader.next_packet() {
            Ok(Some(packet)) => given.push((packet.block_dur().get(), packet.trim_start.get(), packet.trim_end.get())),
            Ok(None) => break,
            Err(error) => assert!(
                matches!(error, symphonia::core::errors::Error::ResetRequired),
                "{error}"
            ),
        }
    }
    assert_eq!(given, packets);
    Ok((packets, chain.notes().to_vec()))
}

/// All of some packets, nothing noted.
fn whole(count: usize) -> Read {
    Ok((vec![(FRAMES, 0, 0); count], Vec::new()))
}

fn reason(file: &[u8]) -> String {
    read(file).unwrap_err()
}

#[test]
fn positions_that_agree_are_taken() {
    assert_eq!(read(&file(0, &[(0, 2880, 3), (LAST, 4800, 2)])), whole(5));
    assert_eq!(read(&file(0, &[(LAST, 1920, 2)])), whole(2));
}

#[test]
fn pre_skip_reaches_over_packets_and_pages() {
    let (packets, _) = read(&file(3000, &[(0, 2880, 3), (LAST, 4800, 2)])).unwrap();
    let all = (FRAMES, FRAMES, 0);
    assert_eq!(packets, [all, all, all, (FRAMES, 120, 0), (FRAMES, 0, 0)]);
}

#[test]
fn the_last_page_is_cut_where_its_position_says() {
    let (packets, _) = read(&file(312, &[(0, 2880, 3), (LAST, 3000, 3)])).unwrap();
    let expected = [
        (FRAMES, 312, 0),
        (FRAMES, 0, 0),
        (FRAMES, 0, 0),
        (FRAMES, 0, 840),
        (FRAMES, 0, FRAMES),
        (FRAMES, 0, FRAMES),
    ];
    assert_eq!(packets, expected);
    // The only page, cut within what is skipped.
    let (packets, _) = read(&file(312, &[(LAST, 1000, 2)])).unwrap();
    assert_eq!(packets, [(FRAMES, 312, 0), (FRAMES, 0, 920)]);
    let (packets, _) = read(&file(312, &[(LAST, 300, 1)])).unwrap();
    assert_eq!(packets, [(FRAMES, 300, 660)]);
    // No page says that frames of the one before do not count.
    assert!(reason(&file(0, &[(0, 2880, 3), (LAST, 2879, 1)])).ends_with("end at frame 3840, it says 2879"));
}

#[test]
fn a_stream_that_was_recorded_while_it_ran_counts_from_its_first_page() {
    let (packets, notes) = read(&file(312, &[(0, 1_002_880, 3), (LAST, 1_004_000, 2)])).unwrap();
    assert_eq!(packets[0], (FRAMES, 312, 0));
    assert_eq!(packets[4], (FRAMES, 0, 800));
    assert_eq!(notes, [Note::LateStart { frames: 1_000_000 }]);
    let (packets, notes) = read(&file(0, &[(LAST, 961, 1)])).unwrap();
    assert_eq!(
        (packets, notes),
        (vec![(FRAMES, 0, 0)], vec![Note::LateStart { frames: 1 }])
    );
}

#[test]
fn positions_that_do_not_agree_are_refused() {
    for (pages, expected) in [
        // The first page: sound before it is missing from what it counts.
        (&[(0, 2879, 3), (LAST, 4800, 2)][..], "end at frame 2880, it says 2879"),
        // Later ones: sound is missing, or counted twice.
        (
            &[(0, 2880, 3), (0, 4801, 2), (LAST, 5761, 1)],
            "end at frame 4800, it says 4801",
        ),
        (
            &[(0, 2880, 3), (0, 4799, 2), (LAST, 5760, 1)],
            "end at frame 4800, it says 4799",
        ),
        (&[(0, 2880, 3), (LAST, 4801, 2)], "end at frame 4800, it says 4801"),
    ] {
        let reason = reason(&file(0, pages));
        assert!(reason.ends_with(expected), "{reason}");
    }
    assert!(reason(&file(0, &[(0, -2, 3), (LAST, 4800, 2)])).ends_with("the position of an Ogg page is negative"));
}

#[test]
fn pages_without_a_position_count_to_the_next() {
    assert_eq!(read(&file(0, &[(0, -1, 3), (0, 4800, 2), (LAST, 5760, 1)])), whole(6));
    assert_eq!(read(&file(0, &[(0, 2880, 3), (0, -1, 2), (LAST, 5760, 1)])), whole(6));
    assert!(reason(&file(0, &[(0, 2880, 3), (0, -1, 2), (LAST, 5761, 1)])).ends_with("it says 5761"));
    assert_eq!(
        reason(&file(0, &[(0, 2880, 3), (LAST, -1, 2)])),
        "Ogg header is invalid: its last page does not say where the sound ends"
    );
    // Nothing ends on the last page.
    assert_eq!(read(&file(0, &[(0, 2880, 3), (LAST, -1, 0)])), whole(3));
    assert_eq!(read(&file(0, &[(0, 2880, 3), (LAST, 2880, 0)])), whole(3));
    assert!(reason(&file(0, &[(0, 2880, 3), (LAST, 2881, 0)])).ends_with("end at frame 2880, it says 2881"));
}

#[test]
fn packets_reach_over_pages() {
    let long = [&[0x98][..], &[5; 599]].concat();
    let pages = |last_flags: u8| {
        let mut pages = headers(1, 0);
        pages.push(page(0, 960, 2, &[4, 255], &[PACKET, &long[..255]].concat()));
        pages.push(page(CONTINUED, -1, 3, &[255], &long[255..510]));
        pages.push(page(CONTINUED | last_flags, 1920, 4, &[90], &long[510..]));
        pages
    };
    assert_eq!(read(&pages(LAST).concat()), whole(2));
    // The packet is lost, not continued, or not ended.
    let mut lost = pages(LAST);
    lost[4][5] = LAST;
    put_checksum(&mut lost[4]);
    assert!(reason(&lost.concat()).ends_with("a packet is not continued on the next Ogg page"));
    let mut cut = pages(LAST)[..4].to_vec();
    cut[3][5] |= LAST;
    put_checksum(&mut cut[3]);
    assert!(reason(&cut.concat()).ends_with("the last Ogg page does not end its packet"));
}

#[test]
fn pages_that_are_missing_twice_or_in_another_order_are_refused() {
    let mut pages = headers(1, 0);
    pages.extend((2..7).map(|number| {
        sound(
            if number == 6 { LAST } else { 0 },
            960 * (i64::from(number) - 1),
            number,
            1,
        )
    }));
    assert_eq!(read(&pages.concat()), whole(5));
    for at in 0..pages.len() {
        let mut missing = pages.clone();
        missing.remove(at);
        assert!(read(&missing.concat()).is_err(), "page {at} is missing");
        let mut doubled = pages.clone();
        doubled.insert(at, pages[at].clone());
        assert!(read(&doubled.concat()).is_err(), "page {at} is there twice");
    }
    for at in 1..pages.len() {
        let mut swapped = pages.clone();
        swapped.swap(at - 1, at);
        assert!(
            read(&swapped.concat()).is_err(),
            "page {at} comes before the one before it"
        );
    }
}

#[test]
fn any_flipped_bit_and_any_cut_is_refused() {
    let file = file(312, &[(0, 2880, 3), (LAST, 4800, 2)]);
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            assert!(read(&flipped).is_err(), "bit {bit} of byte {at}");
        }
        assert!(read(&file[..at]).is_err(), "cut to {at} bytes");
    }
}

#[test]
fn chained_streams_of_one_kind_are_one_recording() {
    let (first, second) = (
        file(312, &[(LAST, 1000, 2)]),
        file(100, &[(0, 960, 1), (LAST, 1920, 1)]),
    );
    let (packets, notes) = read(&[first.clone(), second.clone()].concat()).unwrap();
    assert_eq!(
        packets,
        [(FRAMES, 312, 0), (FRAMES, 0, 920), (FRAMES, 100, 0), (FRAMES, 0, 0)]
    );
    assert_eq!(notes, [Note::ChainedStreams { streams: 2 }]);

    let stereo = [headers(2, 0), vec![sound(LAST, 960, 2, 1)]].concat().concat();
    assert_eq!(
        reason(&[first.clone(), stereo].concat()),
        "a file of chained Ogg streams that differ in codec, rate or channels is not supported"
    );
    let open_end = file(0, &[(0, 1920, 2)]);
    assert!(
        reason(&[open_end, second.clone()].concat())
            .ends_with("an Ogg stream ends without a last page: it is truncated")
    );
    // The second is cut, or its first page is missing.
    let joined = [first.clone(), second.clone()].concat();
    for cut in first.len() + 1..joined.len() {
        assert!(read(&joined[..cut]).is_err(), "cut to {cut} bytes");
    }
    let headless = &second[headers(1, 100)[0].len()..];
    assert!(reason(&[&first, headless].concat()).ends_with("expected the first page of an Ogg stream"));
}

#[test]
fn streams_at_the_same_time_are_refused() {
    let mut other = headers(1, 0);
    for page in &mut other {
        page[14] = 8;
        put_checksum(page);
    }
    let main = headers(1, 0);
    let end = || sound(LAST, 960, 2, 1);
    for pages in [
        vec![
            main[0].clone(),
            other[0].clone(),
            main[1].clone(),
            other[1].clone(),
            end(),
        ],
        vec![main[0].clone(), main[1].clone(), other[1].clone(), end()],
        vec![main[0].clone(), main[0].clone(), main[1].clone(), end()],
    ] {
        assert_eq!(reason(&pages.concat()), "Ogg with several streams is not supported");
    }
}

#[test]
fn what_follows_the_last_page_must_be_nothing_or_zeros() {
    let file = file(0, &[(LAST, 1920, 2)]);
    let (packets, notes) = read(&[file.clone(), vec![0; 100_000]].concat()).unwrap();
    assert_eq!((packets.len(), notes), (2, vec![Note::ZeroFill { bytes: 100_000 }]));
    for tail in [&b"Ogg"[..], &[1], &[&[0; 99_999][..], &[1]].concat()] {
        assert!(reason(&[&file, tail].concat()).ends_with("bytes follow the last Ogg page"));
    }
}

#[test]
fn streams_without_sound_or_headers_are_refused() {
    let headers = headers(1, 0);
    let without_sound =
        |pages: &[Vec<u8>]| [&pages.concat()[..], &page(LAST, 0, pages.len() as u32, &[], &[])].concat();
    assert_eq!(read(&without_sound(&headers)), whole(0));
    assert_eq!(reason(&without_sound(&headers[..1])), "holds no audio frames");
    let no_last_page = "the file ends without a last Ogg page: it is truncated";
    assert!(reason(&headers.concat()).ends_with(no_last_page));
    assert!(reason(&file(0, &[(0, 2880, 3), (0, 4800, 2)])).ends_with(no_last_page));
    assert!(reason(&file(0, &[(0, 2880, 3), (0, 4000, 2)])).ends_with(no_last_page));
    let mut pages = headers.clone();
    pages[1] = sound(0, 0, 1, 1);
    pages.push(sound(LAST, 960, 2, 1));
    assert_eq!(
        reason(&pages.concat()),
        "Ogg header is invalid: its second packet is not a header of Opus"
    );
    for (first, expected) in [
        (&b"Speex   1"[..], "speex is not supported"),
        (b"fishead\0", "Ogg with several streams is not supported"),
        (b"whatever", "the codec of this Ogg is not supported"),
        (
            b"\x01vorbis\0\0\0\0\x06\x44\xac\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xb8\x01",
            "Vorbis of 6 channels is not supported",
        ),
    ] {
        assert_eq!(reason(&page(FIRST | LAST, 0, 0, &[first.len() as u8], first)), expected);
    }
}

#[test]
fn packets_that_are_not_sound_or_never_end_are_refused() {
    let mut pages = headers(1, 0);
    pages.push(page(LAST, 960, 2, &[0], &[]));
    assert!(reason(&pages.concat()).ends_with("a packet on this Ogg page is not one of sound"));
    // A page that is all packet, and repeats: more than 16 MiB.
    let mut pages = headers(1, 0);
    for number in 0..260 {
        let flags = if number > 0 { CONTINUED } else { 0 };
        pages.push(page(flags, -1, number + 2, &[255; 255], &[0x98; 255 * 255]));
    }
    pages.push(page(CONTINUED | LAST, 960, 262, &[0], &[]));
    assert!(reason(&pages.concat()).ends_with("a packet has more than 16777216 bytes"));
}

#[test]
fn lengths_are_estimated_from_the_last_page() {
    for (file, expected) in [
        (file(312, &[(0, 2880, 3), (LAST, 4000, 2)]), Some(3688)),
        (file(312, &[(0, 1_002_880, 3), (LAST, 1_004_800, 2)]), Some(4488)),
        (file(0, &[(0, 2880, 3), (LAST, -1, 0)]), Some(2880)),
    ] {
        let source = Box::new(Seekable::new(Cursor::new(file)).unwrap());
        assert_eq!(open(source, 0, false).unwrap().frames(), expected);
    }
}
