//! Thousands of generated files: the reader gives exactly the generator's frames and samples, or refuses those whose sound
//! was damaged.

use std::collections::BTreeMap;

use super::generate::make;
use super::read_bytes;

const FILES: u64 = 6000;

#[test]
fn generated_files_are_read_exactly_or_refused() {
    let (mut read, mut refused) = (0, BTreeMap::<String, u32>::new());
    for seed in 0..FILES {
        let made = make(seed);
        let result = read_bytes(&made.bytes, made.open_length);
        let context = || format!("seed {seed}: {:?}, {:?}", made.deeds, made.open_length);
        match (&made.sound, result) {
            (Some((rate_hz, channels)), Ok(sound)) => {
                assert_eq!(
                    (*rate_hz, channels.len()),
                    (sound.rate_hz, sound.channels.len()),
                    "{}",
                    context()
                );
                assert_eq!(
                    channels[0].len(),
                    sound.channels[0].len(),
                    "{}: {:?}",
                    context(),
                    sound.notes
                );
                assert!(
                    *channels == sound.channels,
                    "{}: other samples, {:?}",
                    context(),
                    sound.notes
                );
                read += 1;
            }
            (Some(_), Err(error)) => panic!("{}: {error}", context()),
            (None, Ok(sound)) => panic!("{}: {} frames, {:?}", context(), sound.channels[0].len(), sound.notes),
            (None, Err(error)) => {
                let words: String = error
                    .to_string()
                    .chars()
                    .filter(|letter| !letter.is_ascii_digit())
                    .collect();
                *refused.entry(words).or_default() += 1;
            }
        }
    }
    println!("{read} read; refused: {refused:#?}");
    assert!(read > FILES / 2 && refused.len() >= 5);
}

#[test]
fn dump() {
    let Ok(folder) = std::env::var("WAV_DUMP") else { return };
    let count: u64 = std::env::var("WAV_COUNT").map_or(2000, |text| text.parse().unwrap());
    let from: u64 = std::env::var("WAV_FROM").map_or(0, |text| text.parse().unwrap());
    for seed in from..from + count {
        let made = make(seed);
        std::fs::write(format!("{folder}/{seed}.wav"), &made.bytes).unwrap();
        let ours = read_bytes(&made.bytes, made.open_length);
        let ours = match &ours {
            Ok(sound) => format!("{:?}", sound.kinds()),
            Err(error) => error.to_string(),
        };
        let truth: Vec<u8> = made
            .sound
            .iter()
            .flat_map(|(_, c)| (0..c[0].len()).flat_map(move |f| c.iter().flat_map(move |c| c[f].to_le_bytes())))
            .collect();
        std::fs::write(format!("{folder}/{seed}.f32"), truth).unwrap();
        let (rate, channels) = made.sound.as_ref().map_or((0, 0), |(r, c)| (*r, c.len()));
        std::fs::write(
            format!("{folder}/{seed}.txt"),
            format!("{rate}\n{channels}\n{:?}\n{:?}\n{ours}\n", made.deeds, made.open_length),
        )
        .unwrap();
    }
}
