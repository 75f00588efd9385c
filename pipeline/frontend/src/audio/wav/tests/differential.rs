//! Thousands of generated files: the reader gives exactly the generator's frames and samples, or refuses those whose
//! sound was damaged.

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
