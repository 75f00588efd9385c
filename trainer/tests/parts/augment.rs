//! The changes made to training clips: what each does to images and labels, that they repeat, and what is refused.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use shardfmt::{Axes, ClipSpec, DatasetHead, Dtype, FrequencyScale, Row0, ValueReference, ValueScale, ValueUnit, Xxh3};
use tch::{Device, Kind, Tensor};
use trainer::augment::{AugmentConfig, Augmentation, Changed, ClipBatch, Mixing};

const STEP: f64 = 80.0 / 255.0;

/// A dataset of spectrograms as `l48 build` makes them, or of pictures.
fn head(picture: bool) -> DatasetHead {
    let (unit, reference) = match picture {
        true => (ValueUnit::Level, ValueReference::None),
        false => (ValueUnit::Decibel, ValueReference::Clip),
    };
    let (offset, step) = if picture { (0.0, 1.0) } else { (-80.0, STEP) };
    DatasetHead {
        features_required: Vec::new(),
        features_optional: Vec::new(),
        name: String::new(),
        program: String::new(),
        config: serde_json::Value::Null,
        config_xxh3: Xxh3::default(),
        clips: ClipSpec {
            dtype: Dtype::U8,
            channels: None,
            height: 16,
            width: 32,
        },
        axes: Axes {
            frequency_scale: match picture {
                true => FrequencyScale::None,
                false => FrequencyScale::MelSlaney,
            },
            fmin_hz: 50.0,
            fmax_hz: 11025.0,
            row_0: Row0::Lowest,
            frame_rate_hz: 150.0,
            clip_duration_s: 3.0,
            hop_s: 3.0,
            sample_rate_hz: Some(22050),
        },
        values: ValueScale {
            unit,
            reference,
            offset,
            step,
        },
        instruction_set: String::new(),
    }
}

/// Four clips 16 x 32, each of its own levels, its maximum 255 and a floor in row 0.
fn images() -> Tensor {
    let images = (Tensor::arange(4 * 16 * 32, (Kind::Int64, Device::Cpu)) * 37)
        .remainder(251)
        .reshape([4, 1, 16, 32]);
    let _ = images.select(2, 0).fill_(0);
    let _ = images.select(2, 5).select(2, 7).fill_(255);
    images.to_kind(Kind::Uint8)
}

fn known() -> ClipBatch {
    let of = |values: &[f32]| Tensor::from_slice(values).reshape([4, 3]);
    let labels = of(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    let mask = of(&[1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    ClipBatch {
        images: images(),
        labels,
        mask,
    }
}

const ROWS: [u32; 4] = [10, 3, 77, 4];
const REF_DB: [f32; 4] = [-20.0, -30.0, -26.0, -20.0];

fn apply(config: &AugmentConfig, picture: bool, ref_db: &[f32], epoch: u32) -> Changed {
    let augmentation = Augmentation::new(config, &head(picture), 5, &[]).unwrap().unwrap();
    augmentation.apply(known(), &ROWS, ref_db, epoch).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor
        .to_kind(Kind::Double)
        .flatten(0, -1)
        .contiguous()
        .try_into()
        .unwrap()
}

#[test]
fn nothing_asked_for_is_nothing_done() {
    assert!(
        Augmentation::new(&AugmentConfig::default(), &head(false), 5, &[])
            .unwrap()
            .is_none()
    );
}

#[test]
fn changes_repeat_and_depend_on_epoch_and_row_alone() {
    let config = AugmentConfig {
        time_masks: 2,
        time_mask_share: 0.2,
        frequency_masks: 1,
        frequency_mask_share: 0.2,
        time_shift_share: 0.5,
        gain_db: 6.0,
        ..AugmentConfig::default()
    };
    let once = apply(&config, false, &REF_DB, 1).images;
    assert_eq!(once, apply(&config, false, &REF_DB, 1).images);
    assert_ne!(once, apply(&config, false, &REF_DB, 2).images);
    // The same clip in another batch.
    let augmentation = Augmentation::new(&config, &head(false), 5, &[]).unwrap().unwrap();
    let all = known();
    let pick = |t: &Tensor| t.narrow(0, 2, 1);
    let one = ClipBatch {
        images: pick(&all.images),
        labels: pick(&all.labels),
        mask: pick(&all.mask),
    };
    let one = augmentation.apply(one, &ROWS[2..3], &REF_DB[2..3], 1).unwrap();
    assert_eq!(one.images, pick(&once));
}

#[test]
fn masks_silence_whole_bands_and_nothing_else() {
    for (dim, config) in [
        (
            3,
            AugmentConfig {
                time_masks: 2,
                time_mask_share: 0.3,
                ..AugmentConfig::default()
            },
        ),
        (
            2,
            AugmentConfig {
                frequency_masks: 2,
                frequency_mask_share: 0.3,
                ..AugmentConfig::default()
            },
        ),
    ] {
        let before = images().to_kind(Kind::Float);
        let mut silenced = 0;
        for epoch in 1..6 {
            let after = apply(&config, false, &REF_DB, epoch).images;
            let other = if dim == 3 { 2 } else { 3 };
            let silent = after.amax([1, other], false).eq(0.0);
            let along: Vec<i64> = if dim == 3 { vec![4, 1, 1, 32] } else { vec![4, 1, 16, 1] };
            let expected = before.masked_fill(&silent.reshape(along), 0.0);
            assert_eq!(after, expected);
            let count = silent.sum(None).int64_value(&[]);
            silenced += count - if dim == 2 { 4 } else { 0 };
        }
        // Two bands of 15 % on average in each of 20 clips, some overlapping.
        let mean = silenced as f64 / (20.0 * if dim == 3 { 32.0 } else { 16.0 });
        assert!((0.1..0.45).contains(&mean), "{mean}");
    }
}

#[test]
fn shifts_move_columns_around_the_end() {
    let config = AugmentConfig {
        time_shift_share: 1.0,
        ..AugmentConfig::default()
    };
    let after = apply(&config, false, &REF_DB, 1).images;
    let mut shifts = Vec::new();
    for clip in 0..4 {
        let before = images().get(clip).to_kind(Kind::Float);
        let shift = (0..32).find(|shift| before.roll([*shift], [2]) == after.get(clip));
        shifts.push(shift.unwrap());
    }
    assert!(shifts.iter().any(|shift| *shift != shifts[0]), "{shifts:?}");
}

#[test]
fn pictures_are_mirrored_about_half_the_time() {
    let config = AugmentConfig {
        horizontal_flip: Some(0.5),
        ..AugmentConfig::default()
    };
    let (mut mirrored, before) = (0, images().to_kind(Kind::Float));
    for epoch in 0..20 {
        let after = apply(&config, true, &[f32::NAN; 4], epoch).images;
        for clip in 0..4 {
            let (before, after) = (before.get(clip), after.get(clip));
            assert!(after == before || after == before.flip([2]));
            mirrored += i32::from(after != before);
        }
    }
    assert!((25..55).contains(&mirrored), "{mirrored} of 80");
}

#[test]
fn gain_moves_what_is_above_the_floor() {
    let config = AugmentConfig {
        gain_db: 10.0,
        ..AugmentConfig::default()
    };
    let (before, after) = (values(&images()), values(&apply(&config, false, &REF_DB, 1).images));
    let clip = |values: &[f64], number: usize| values[number * 512..(number + 1) * 512].to_vec();
    for number in 0..4 {
        let (before, after) = (clip(&before, number), clip(&after, number));
        let middle = before.iter().position(|v| (100.0..150.0).contains(v)).unwrap();
        let gain = after[middle] - before[middle];
        assert!(gain.abs() > 1e-3 && gain.abs() <= 10.0 / STEP, "{gain}");
        for (before, after) in before.iter().zip(after) {
            let expected = if *before == 0.0 {
                0.0
            } else {
                (before + gain).clamp(0.0, 255.0)
            };
            assert!((after - expected).abs() < 1e-3, "{before} {after} {gain}");
        }
    }
}

#[test]
fn mixes_add_powers_and_keep_what_is_unknown_unknown() {
    let config = AugmentConfig {
        mixup: 1.0,
        ..AugmentConfig::default()
    };
    check_mixes(&known(), &apply(&config, false, &REF_DB, 1), REF_DB, None);
}

#[test]
fn mixes_of_clips_below_a_fixed_level_stay_below_it() {
    let config = AugmentConfig {
        mixup: 1.0,
        ..AugmentConfig::default()
    };
    let mut head = head(false);
    head.values.reference = ValueReference::Fixed;
    // All quieter than the level by some 40 dB.
    let quiet = || ClipBatch {
        images: images().divide_scalar_mode(2, "floor"),
        ..known()
    };
    let augmentation = Augmentation::new(&config, &head, 5, &[]).unwrap().unwrap();
    let mixed = augmentation.apply(quiet(), &ROWS, &[-20.0; 4], 1).unwrap();
    check_mixes(&quiet(), &mixed, [-20.0; 4], Some(-20.0));
}

/// Checks that each clip is a mix with another one, its values relative to `reference` in dB or else to the most of the
/// mix.
fn check_mixes(before: &ClipBatch, mixed: &Changed, ref_db: [f32; 4], reference: Option<f64>) {
    let power = |clip: i64| -> Vec<f64> {
        let level = f64::from(ref_db[usize::try_from(clip).unwrap()]);
        values(&before.images.get(clip))
            .iter()
            .map(|v| 10.0_f64.powf((level - 80.0 + STEP * v) / 10.0))
            .collect()
    };
    for clip in 0..4 {
        let got = values(&mixed.images.get(clip));
        let fits = |partner: i64, own: f64| {
            let sum: Vec<f64> = power(clip)
                .iter()
                .zip(power(partner))
                .map(|(a, b)| own * a + (1.0 - own) * b)
                .collect();
            let most = sum.iter().copied().fold(0.0, f64::max);
            let most = reference.map_or(most, |db| 10.0_f64.powf(db / 10.0));
            let stored = sum.iter().map(|p| (80.0 + 10.0 * (p / most).log10()).max(0.0) / STEP);
            stored
                .zip(&got)
                .map(|(expected, got)| (expected - got).abs())
                .fold(0.0, f64::max)
        };
        let shares = (0..=5000).map(|n| 0.5 + f64::from(n) / 10000.0);
        let partners = (0..4).filter(|partner| *partner != clip);
        let all = partners.flat_map(|partner| shares.clone().map(move |own| (partner, own)));
        let (partner, own, off) = all
            .map(|(partner, own)| (partner, own, fits(partner, own)))
            .min_by(|a, b| a.2.total_cmp(&b.2))
            .unwrap();
        assert!(off < 0.05, "clip {clip} is no mix with another: off by {off}");
        let identity = Tensor::eye(4, (Kind::Float, Device::Cpu));
        let shares = mixed.mixed.as_ref().unwrap().in_shares(&identity).unwrap();
        for place in 0..4 {
            let expected = match place {
                _ if place == clip => own,
                _ if place == partner => 1.0 - own,
                _ => 0.0,
            };
            let share = shares.double_value(&[clip, place]);
            assert!(
                (share - expected).abs() < 0.01,
                "clip {clip}, {place}: {share}, not {expected}"
            );
        }
        for class in 0..3 {
            let at = |t: &Tensor, clip| t.double_value(&[clip, class]);
            let labels = [at(&before.labels, clip), at(&before.labels, partner)];
            let masks = [at(&before.mask, clip), at(&before.mask, partner)];
            let present = labels.contains(&1.0);
            let known = present || masks == [1.0, 1.0];
            assert_eq!(at(&mixed.labels, clip), f64::from(u8::from(present)));
            assert_eq!(at(&mixed.mask, clip), f64::from(u8::from(known)));
        }
    }
}

#[test]
fn floats_above_a_fixed_level_are_not_cut() {
    let config = AugmentConfig {
        gain_db: 10.0,
        ..AugmentConfig::default()
    };
    let mut head = head(false);
    head.clips.dtype = Dtype::F32;
    (head.values.reference, head.values.offset, head.values.step) = (ValueReference::Fixed, 0.0, 1.0);
    let augmentation = Augmentation::new(&config, &head, 5, &[]).unwrap().unwrap();
    // From -100 to 155 dB.
    let before = images().to_kind(Kind::Float) - 100.0;
    let clips = ClipBatch {
        images: before.shallow_clone(),
        ..known()
    };
    let after = augmentation.apply(clips, &ROWS, &REF_DB, 1).unwrap().images;
    for clip in 0..4 {
        let pairs = values(&before.get(clip)).into_iter().zip(values(&after.get(clip)));
        let gains: Vec<f64> = pairs.filter(|(before, _)| *before > 20.0).map(|(b, a)| a - b).collect();
        assert!(gains[0].abs() > 1e-3, "{}", gains[0]);
        assert!(gains.iter().all(|gain| (gain - gains[0]).abs() < 1e-3), "{gains:?}");
    }
}

#[test]
fn clips_without_a_level_are_not_mixed() {
    let config = AugmentConfig {
        mixup: 1.0,
        ..AugmentConfig::default()
    };
    let augmentation = Augmentation::new(&config, &head(false), 5, &[]).unwrap().unwrap();
    let before = images().to_kind(Kind::Float);
    let after = augmentation
        .apply(known(), &ROWS, &[f32::NAN, -30.0, f32::NAN, f32::NAN], 1)
        .unwrap();
    assert_eq!(after.images, before);
    assert_eq!((after.labels, after.mask), (known().labels, known().mask));
    assert_eq!(after.mixed.unwrap().alone(), [0, 1, 2, 3]);
    let silent = ClipBatch {
        images: images().zeros_like(),
        ..known()
    };
    let after = augmentation.apply(silent, &ROWS, &REF_DB, 1).unwrap();
    assert_eq!(after.images, before.zeros_like());
    assert_eq!(after.labels, known().labels);
}

#[test]
fn senseless_changes_are_refused_with_a_reason() {
    let error = |config: &AugmentConfig, picture, keeping: &[(&str, Mixing)]| {
        Augmentation::new(config, &head(picture), 5, keeping)
            .unwrap_err()
            .to_string()
    };
    let default = AugmentConfig::default;
    for (message, part) in [
        (
            error(
                &AugmentConfig {
                    horizontal_flip: Some(0.5),
                    ..default()
                },
                false,
                &[],
            ),
            "backwards",
        ),
        (
            error(
                &AugmentConfig {
                    time_shift_share: 0.5,
                    ..default()
                },
                true,
                &[],
            ),
            "no time",
        ),
        (
            error(
                &AugmentConfig {
                    mixup: 0.5,
                    ..default()
                },
                true,
                &[],
            ),
            "no known level",
        ),
        (
            error(
                &AugmentConfig {
                    gain_db: 3.0,
                    ..default()
                },
                true,
                &[],
            ),
            "not decibels",
        ),
        (
            error(
                &AugmentConfig {
                    mixup: 0.5,
                    ..default()
                },
                false,
                &[("x", Mixing::Any), ("evidence", Mixing::Refused)],
            ),
            "evidence keeps",
        ),
        (
            error(
                &AugmentConfig {
                    mixup: 1.0,
                    ..default()
                },
                false,
                &[("ll-cp", Mixing::SomeAlone)],
            ),
            "no clip is heard alone, and ll-cp",
        ),
        (
            error(
                &AugmentConfig {
                    mixup: 1.5,
                    ..default()
                },
                false,
                &[],
            ),
            "augment.mixup",
        ),
        (
            error(
                &AugmentConfig {
                    time_masks: 1,
                    ..default()
                },
                false,
                &[],
            ),
            "augment.time_masks",
        ),
        (
            error(
                &AugmentConfig {
                    gain_db: f64::NAN,
                    ..default()
                },
                false,
                &[],
            ),
            "augment.gain_db",
        ),
    ] {
        assert!(message.contains(part), "{message}");
    }
    let augmentation = Augmentation::new(
        &AugmentConfig {
            mixup: 1.0,
            ..default()
        },
        &head(false),
        5,
        &[],
    )
    .unwrap()
    .unwrap();
    assert!(augmentation.apply(known(), &ROWS, &REF_DB[1..], 1).is_err());
}
