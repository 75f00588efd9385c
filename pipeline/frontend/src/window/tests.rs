//! Tests of the clip positions against a slow oracle that follows the definition sample by sample.

use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// `floor(i * digits / 10^places * rate + 1/2)` in wide integers, unreduced.
fn slow_start(index: u64, hop: Decimal, rate_hz: u32) -> u64 {
    let scale = 10i128.pow(hop.places);
    let twice = 2 * i128::from(index) * i128::from(hop.digits) * i128::from(rate_hz) + scale;
    u64::try_from(twice.div_euclid(2 * scale)).unwrap()
}

/// The number of clips, by looking at every sample.
fn slow_count(total: u64, duration: u64, starts: &[u64], tail: Tail) -> u64 {
    match tail {
        Tail::Drop => starts.iter().filter(|&&start| start + duration <= total).count() as u64,
        Tail::Pad => {
            // The fewest first clips that cover every sample that any clip covers.
            let covers =
                |clips: &[u64], sample: u64| clips.iter().any(|&start| (start..start + duration).contains(&sample));
            let coverable: Vec<u64> = (0..total).filter(|&sample| covers(starts, sample)).collect();
            let enough = |count: &usize| coverable.iter().all(|&sample| covers(&starts[..*count], sample));
            (0..=starts.len()).find(enough).unwrap() as u64
        }
    }
}

#[test]
fn decimals_are_exact_and_print_as_written() {
    for text in ["3", "0.25", "0", "12.000001", "0.000000000000000001"] {
        assert_eq!(decimal(text).to_string(), text);
    }
    assert_eq!(decimal("1.50"), decimal("1.5"));
    assert_eq!(Decimal::try_from(0.1).unwrap(), decimal("0.1"));
    assert_eq!(Decimal::try_from(1e-7).unwrap(), decimal("0.0000001"));
    for text in [
        "",
        ".",
        "-1",
        "1e3",
        "0x3",
        "1.2.3",
        "+1",
        " 1",
        "1234567890123456789",
        "NaN",
        "inf",
    ] {
        assert!(text.parse::<Decimal>().is_err(), "{text:?}");
    }
    assert!(Decimal::try_from(f64::NAN).is_err());
    let parsed: Vec<Decimal> = serde_json::from_str(r#"[3, 0.3, "0.30"]"#).unwrap();
    assert_eq!(parsed, [decimal("3"), decimal("0.3"), decimal("0.3")]);
    assert!(serde_json::from_str::<Decimal>("-3").is_err());
}

#[test]
fn a_third_of_a_second_does_not_drift() {
    // 0.333333 s at 22,050 Hz is 7,349.99265 samples; after a million clips the sum of rounded hops
    // would be off by 7,350 samples.
    let windowing = Windowing::new(decimal("3"), decimal("0.333333"), 22_050, Tail::Pad).unwrap();
    assert_eq!(windowing.start(1_000_000), 7_349_992_650);
    // 1/2 rounds up: 0.5 * 3 = 1.5.
    assert_eq!(
        Windowing::new(decimal("1"), decimal("0.5"), 3, Tail::Pad)
            .unwrap()
            .start(1),
        2
    );
}

#[test]
fn impossible_windows_are_named() {
    let error = |duration, hop| {
        Windowing::new(decimal(duration), decimal(hop), 22_050, Tail::Pad)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error("3", "0"), "a hop of 0 s at 22050 Hz is shorter than one sample");
    assert_eq!(
        error("3", "0.000045"),
        "a hop of 0.000045 s at 22050 Hz is shorter than one sample"
    );
    assert_eq!(
        error("0.00001", "1"),
        "a duration of 0.00001 s at 22050 Hz is 0 samples; 1 to 2147483648 are possible"
    );
    assert!(error("999999999999", "1").contains("2147483648 are possible"));
}

#[test]
fn huge_indices_saturate() {
    let windowing = Windowing::new(decimal("3"), decimal("123456789.012345678"), 96_001, Tail::Pad).unwrap();
    assert_eq!(windowing.start(u64::MAX), u64::MAX);
    assert_eq!(windowing.clip_count(0), 0);
    assert!(windowing.clip_count(u64::MAX) > 0);
}

fn any_decimal(max_digits: u64) -> impl Strategy<Value = Decimal> {
    (1..max_digits, 0u32..4).prop_map(|(digits, places)| Decimal { digits, places })
}

proptest! {
    #[test]
    fn positions_and_counts_match_the_definition(
        duration in any_decimal(400),
        hop in any_decimal(400),
        rate_hz in 1u32..60,
        total in 0u64..400,
        pad in any::<bool>(),
    ) {
        let tail = if pad { Tail::Pad } else { Tail::Drop };
        let Ok(windowing) = Windowing::new(duration, hop, rate_hz, tail) else {
            let samples = duration.to_f64() * f64::from(rate_hz);
            prop_assert!(samples < 0.5 || hop.to_f64() * f64::from(rate_hz) < 1.0);
            return Ok(());
        };
        let starts: Vec<u64> = (0..=total + 1).map(|index| slow_start(index, hop, rate_hz)).collect();
        for (index, &start) in starts.iter().enumerate() {
            prop_assert_eq!(windowing.start(index as u64), start);
        }
        prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
        let starts: Vec<u64> = starts.into_iter().filter(|&start| start < total).collect();
        let expected = slow_count(total, windowing.duration_samples(), &starts, tail);
        prop_assert_eq!(windowing.clip_count(total), expected);
    }

    #[test]
    fn clips_hold_the_samples_they_name(
        duration in 1u64..50,
        hop in 10u64..700,
        pieces in proptest::collection::vec(0usize..60, 0..12),
        pad in any::<bool>(),
    ) {
        let tail = if pad { Tail::Pad } else { Tail::Drop };
        let (duration, hop) = (Decimal { digits: duration, places: 0 }, Decimal { digits: hop, places: 1 });
        let windowing = Windowing::new(duration, hop, 1, tail).unwrap();
        let total: usize = pieces.iter().sum();
        let sample = |at: u64| if at < total as u64 { at as f32 + 1.0 } else { 0.0 };

        let mut cutter = Cutter::new(windowing);
        let mut clips = 0;
        let mut check = |cutter: &mut Cutter| {
            let mut waveform = vec![7.0; 3];
            while let Some(clip) = cutter.next_clip(&mut waveform) {
                assert_eq!(clip.index, clips);
                assert_eq!(clip.start_sample, windowing.start(clips));
                assert_eq!(waveform.len() as u64, windowing.duration_samples());
                let end = clip.start_sample + windowing.duration_samples();
                assert_eq!(clip.valid_samples, end.min(total as u64) - clip.start_sample);
                assert!(waveform.iter().zip(clip.start_sample..).all(|(&got, at)| got == sample(at)));
                clips += 1;
            }
        };
        let mut sent = 0;
        for &piece in &pieces {
            let samples: Vec<f32> = (sent..sent + piece as u64).map(sample).collect();
            sent += piece as u64;
            cutter.push(&samples);
            check(&mut cutter);
            // One clip, one push, and what the lazy dropping of old samples leaves.
            assert!(cutter.buffer.len() <= 2 * (windowing.duration_samples() as usize + 60));
        }
        cutter.finish();
        check(&mut cutter);
        prop_assert_eq!(clips, windowing.clip_count(total as u64));
    }
}
