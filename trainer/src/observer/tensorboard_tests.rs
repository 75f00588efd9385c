//! Reads event files back with a decoder of its own, which shares no code with the writer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use shardfmt::Split;

use super::*;

/// CRC-32C bit by bit (RFC 3720, appendix B.4), then TensorFlow's mask.
fn slow_masked_crc(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    let crc = !crc;
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A decoded field.
#[derive(Debug)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (head, tail) = bytes.split_at(count);
    *bytes = tail;
    head
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::Bytes(take(&mut bytes, 8)),
            2 => {
                let length = varint(&mut bytes) as usize;
                Field::Bytes(take(&mut bytes, length))
            }
            5 => Field::Bytes(take(&mut bytes, 4)),
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn bytes_of<'a>(fields: &[(u64, Field<'a>)], number: u64) -> Option<&'a [u8]> {
    fields.iter().find_map(|(at, field)| match field {
        Field::Bytes(bytes) if *at == number => Some(*bytes),
        _ => None,
    })
}

fn number_of(fields: &[(u64, Field<'_>)], number: u64) -> u64 {
    let found = fields.iter().find_map(|(at, field)| match field {
        Field::Number(value) if *at == number => Some(*value),
        _ => None,
    });
    found.unwrap_or(0)
}

/// Lines for the records of a file: `step version`, `step start`, or `step tag value`.
fn read(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap();
    let (mut bytes, mut lines) = (&bytes[..], Vec::new());
    while !bytes.is_empty() {
        let length = take(&mut bytes, 8);
        let sum = |bytes: &mut &[u8]| u32::from_le_bytes(take(bytes, 4).try_into().unwrap());
        assert_eq!(sum(&mut bytes), slow_masked_crc(length));
        let content = take(&mut bytes, u64::from_le_bytes(length.try_into().unwrap()) as usize);
        assert_eq!(sum(&mut bytes), slow_masked_crc(content));
        let event = fields(content);
        let wall_time_s = f64::from_le_bytes(bytes_of(&event, 1).unwrap().try_into().unwrap());
        assert!(wall_time_s > 1.7e9);
        let step = number_of(&event, 2);
        if let Some(version) = bytes_of(&event, 3) {
            lines.push(format!("{step} {}", String::from_utf8_lossy(version)));
        } else if let Some(session) = bytes_of(&event, 7) {
            assert_eq!(number_of(&fields(session), 1), 1);
            lines.push(format!("{step} start"));
        } else {
            let value = fields(bytes_of(&fields(bytes_of(&event, 5).unwrap()), 1).unwrap());
            let scalar = f32::from_le_bytes(bytes_of(&value, 2).unwrap().try_into().unwrap());
            lines.push(format!(
                "{step} {} {scalar}",
                String::from_utf8_lossy(bytes_of(&value, 1).unwrap())
            ));
        }
    }
    lines
}

fn started(resumed_at_step: u64) -> Event {
    Event::Started {
        rows: 10,
        assets: 2,
        classes: 3,
        steps_per_epoch: 2,
        epochs: 3,
        resumed_at_step,
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn scalars_read_back_and_a_resume_hides_later_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut board = TensorBoard::new(&folder.path().join("tensorboard"));
    board.flush().unwrap();
    let step = |step| Event::Step {
        epoch: 1,
        step,
        loss: 0.25,
        asset_reg: (step == 300).then_some(0.5),
    };
    let evaluated = Event::Evaluated {
        epoch: 1,
        step: 300,
        split: Split::Val,
        map: 0.5,
        map_occurring: 0.75,
        chance: 0.125,
        clips: 1,
        left_out: 0,
        interval: Some([0.25, 0.625]),
    };
    let timing = Event::Timing {
        epoch: 1,
        train_s: 1.0,
        clips_per_s: 8.0,
    };
    for event in [
        started(0),
        step(1),
        step(300),
        evaluated,
        timing,
        Event::Note { text: String::new() },
    ] {
        board.observe(&event).unwrap();
    }
    board.flush().unwrap();
    let mut board = TensorBoard::new(&folder.path().join("tensorboard"));
    for event in [started(299), step(300)] {
        board.observe(&event).unwrap();
    }
    board.flush().unwrap();
    let files = files(&folder.path().join("tensorboard"));
    let first = [
        "0 brain.Event:2",
        "1 loss/step 0.25",
        "300 loss/step 0.25",
        "300 loss/asset_reg 0.5",
        "300 map/val 0.5",
        "300 map_occurring/val 0.75",
        "300 chance/val 0.125",
        "300 map_2.5_percent/val 0.25",
        "300 map_97.5_percent/val 0.625",
        "300 speed/clips_per_s 8",
    ];
    assert_eq!(read(&files[0]), first);
    assert_eq!(
        read(&files[1]),
        [
            "0 brain.Event:2",
            "300 start",
            "300 loss/step 0.25",
            "300 loss/asset_reg 0.5"
        ]
    );
}

#[test]
fn a_new_start_hides_the_steps_before_the_first_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let step = |step| Event::Step {
        epoch: 1,
        step,
        loss: 0.25,
        asset_reg: None,
    };
    let run = |events: &[Event]| {
        let mut board = TensorBoard::new(folder.path());
        events.iter().for_each(|event| board.observe(event).unwrap());
        board.flush().unwrap();
    };
    run(&[started(0), step(1), step(2)]);
    let killed = files(folder.path()).pop().unwrap();
    std::fs::rename(
        &killed,
        folder.path().join("events.out.tfevents.0000000001.000000000000"),
    )
    .unwrap();
    run(&[started(0), step(1)]);
    let files = files(folder.path());
    assert_eq!(
        read(&files[0]),
        ["0 brain.Event:2", "1 loss/step 0.25", "2 loss/step 0.25"]
    );
    assert_eq!(read(&files[1]), ["0 brain.Event:2", "1 start", "1 loss/step 0.25"]);
}

#[test]
fn checksums_are_the_published_ones() {
    // 32 zero bytes: RFC 3720, appendix B.4.
    assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(masked_crc32c(&[0; 32]), slow_masked_crc(&[0; 32]));
}
