//! The order of the rows: nothing lost, nothing twice, the same after a resume and for any number of ranks.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{HashMap, HashSet};
use std::path::Path;

use loader::{
    Arrangement, Catalogue, Filters, FullUnknown, Labels, Mode, Rows, Sampler, SamplerConfig, SamplerState, Supervision,
};
use proptest::prelude::*;
use shardfmt::checksum::Hasher;
use shardfmt::{LabelRow, LabelSource, Split};

const CLASSES: usize = 4;

/// Recordings with the given numbers of clips, all in one shard.
fn recordings(clips: &[usize]) -> Supervision {
    recordings_in_shards(clips, usize::MAX)
}

/// Recordings with the given numbers of clips, so many of them in a shard.
fn recordings_in_shards(clips: &[usize], to_a_shard: usize) -> Supervision {
    let mut labels = Vec::new();
    for ((number, asset_id), &count) in (10_i64..).step_by(7).enumerate().zip(clips) {
        for clip_index in 0..count as u32 {
            let target = asset_id as u32 % CLASSES as u32;
            labels.push(LabelRow {
                asset_id,
                clip_index,
                shard: (number / to_a_shard) as u32,
                row: labels.len() as u32,
                start_s: 0.0,
                end_s: 3.0,
                valid_s: 3.0,
                split: Split::Train,
                target: Some(target),
                present: if clip_index % 3 == 0 { vec![target] } else { vec![] },
                absent: vec![],
                unknown: vec![],
                fully_annotated: false,
                label_source: LabelSource::Incomplete,
                silent: false,
                rms_dbfs: None,
                boxes: vec![],
                source_index: None,
                source_id: None,
                others: None,
                from_recording: Vec::new(),
            });
        }
    }
    let filters = Filters {
        remove_unannotated: false,
        ..Filters::default()
    };
    let catalogue = Catalogue::from_rows(Path::new("test"), CLASSES, &labels, &[]).unwrap();
    catalogue
        .training(Mode::Target, Rows::Own, FullUnknown::AssumeNegative, &filters)
        .unwrap()
}

fn config(batch: usize) -> SamplerConfig {
    SamplerConfig {
        seed: 11,
        batch,
        clips_per_asset: None,
        max_clips_per_asset: None,
        class_balanced: false,
        arrangement: Arrangement::Shuffled,
        drop_last: false,
        rank: 0,
        ranks: 1,
    }
}

fn sampler(rows: &Supervision, config: SamplerConfig) -> Sampler {
    Sampler::new(rows, shardfmt::Xxh3(99), config).unwrap()
}

fn epoch_of(sampler: &Sampler, epoch: u32) -> Vec<u32> {
    (0..sampler.batches_per_epoch())
        .flat_map(|step| sampler.global_batch(epoch, step))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn ranks_and_steps_together_see_every_row_exactly_once(
        clips in prop::collection::vec(1_usize..9, 1..30),
        batch in 1_usize..40,
        ranks in 1_usize..=8,
        clips_per_asset in prop::option::of(1_usize..6),
        seed: u64,
        epoch in 1_u32..1000,
    ) {
        let rows = recordings(&clips);
        let of = |rank| sampler(&rows, SamplerConfig { seed, rank, ranks, clips_per_asset, ..config(batch) });
        let samplers: Vec<Sampler> = (0..ranks).map(of).collect();
        let mut seen = Vec::new();
        for step in 0..samplers[0].batches_per_epoch() {
            let shares: Vec<Vec<u32>> = samplers.iter().map(|sampler| sampler.batch(epoch, step)).collect();
            prop_assert_eq!(shares.concat(), samplers[0].global_batch(epoch, step));
            let sizes = shares.iter().map(Vec::len);
            prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1, "shares are even");
            seen.extend(shares.concat());
        }
        prop_assert!(samplers[0].batch(epoch, samplers[0].batches_per_epoch()).is_empty());
        seen.sort_unstable();
        prop_assert!(seen.into_iter().eq(0..rows.rows() as u32));
    }

    #[test]
    fn a_cap_takes_as_many_different_clips_as_it_says(
        clips in prop::collection::vec(1_usize..9, 1..30),
        most in 1_usize..10,
        clips_per_asset in prop::option::of(1_usize..6),
        class_balanced: bool,
    ) {
        let rows = recordings(&clips);
        let clips_per_asset = clips_per_asset.filter(|_| !class_balanced);
        let capped = sampler(&rows, SamplerConfig { max_clips_per_asset: Some(most), clips_per_asset, class_balanced, ..config(8) });
        let order = epoch_of(&capped, 3);
        prop_assert_eq!(order.len(), clips.iter().map(|count| count.min(&most)).sum::<usize>());
        let mut different: HashMap<i64, HashSet<u32>> = HashMap::new();
        for row in &order {
            different.entry(rows.clips[*row as usize].asset_id).or_default().insert(*row);
        }
        prop_assert!(different.values().all(|of_asset| of_asset.len() <= most));
        if !class_balanced {
            prop_assert_eq!(different.values().map(HashSet::len).sum::<usize>(), order.len());
        }
    }
}

#[test]
fn a_resume_after_every_step_gives_the_same_tail() {
    let rows = recordings(&[5, 1, 7, 3, 8, 2, 6, 4, 1]);
    let kinds = [
        config(4),
        config(3),
        config(2),
        SamplerConfig {
            clips_per_asset: Some(3),
            ..config(4)
        },
        SamplerConfig {
            class_balanced: true,
            ..config(4)
        },
        SamplerConfig {
            max_clips_per_asset: Some(2),
            ..config(5)
        },
    ];
    for config in kinds {
        let whole = sampler(&rows, config.clone());
        let steps = whole.batches_per_epoch();
        let batches: Vec<Vec<u32>> = (1..=3)
            .flat_map(|epoch| (0..steps).map(move |step| (epoch, step)))
            .map(|(epoch, step)| whole.global_batch(epoch, step))
            .collect();
        for done in 0..=batches.len() {
            let (epoch, within) = (
                done.saturating_sub(1) / steps,
                done - done.saturating_sub(1) / steps * steps,
            );
            let saved = serde_json::to_string(&whole.state(epoch as u32 + 1, within)).unwrap();
            let state: SamplerState = serde_json::from_str(&saved).unwrap();
            let again = sampler(&rows, config.clone());
            let (epoch, first) = again.resume(&state).unwrap();
            let tail = (epoch..=3).flat_map(|e| (if e == epoch { first } else { 0 }..steps).map(move |step| (e, step)));
            let tail: Vec<Vec<u32>> = tail.map(|(epoch, step)| again.global_batch(epoch, step)).collect();
            assert_eq!(tail, batches[done..], "after {done} of {config:?}");
        }
    }
}

#[test]
fn epochs_seeds_and_ranks() {
    let rows = recordings(&[20, 20, 20]);
    let one = sampler(&rows, config(16));
    assert_ne!(epoch_of(&one, 1), epoch_of(&one, 2));
    assert_ne!(
        epoch_of(&one, 1),
        epoch_of(&sampler(&rows, SamplerConfig { seed: 12, ..config(16) }), 1)
    );
    let capped = sampler(
        &rows,
        SamplerConfig {
            max_clips_per_asset: Some(2),
            ..config(16)
        },
    );
    let seen: HashSet<u32> = (1..=100).flat_map(|epoch| epoch_of(&capped, epoch)).collect();
    assert_eq!(seen.len(), 60, "a cap takes other clips in each epoch");
    // Any order of asking gives the same batches, from any thread.
    let fresh = sampler(&rows, config(16));
    let ask = |(epoch, step)| (epoch, step, fresh.global_batch(epoch, step));
    let asked: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = [(5, 3), (1, 0), (9, 2), (1, 3), (5, 0)]
            .map(|place| scope.spawn(move || ask(place)))
            .into();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (epoch, step, batch) in asked {
        assert_eq!(batch, one.global_batch(epoch, step));
    }
    // Three more ranks: the same global batches, so a run may go on with another number of them.
    let four = sampler(
        &rows,
        SamplerConfig {
            rank: 3,
            ranks: 4,
            ..config(16)
        },
    );
    assert_eq!(four.global_batch(2, 1), one.global_batch(2, 1));
    assert_eq!(four.resume(&one.state(2, 1)).unwrap(), (2, 1));
}

#[test]
fn a_balanced_order_is_bound_to_the_labels_and_not_to_what_is_known_besides() {
    let matrices = ([1, 0, 0, 0, 1, 1], [1, 1, 0, 1, 1, 1]);
    let mut rows = recordings(&[1, 1]);
    rows.labels = Labels::from_matrices(3, &matrices.0, &matrices.1).unwrap();
    let balanced = SamplerConfig {
        class_balanced: true,
        ..config(2)
    };
    // In the words of the version that kept labels as a matrix: settings, places, and the matrix.
    let mut hash = Hasher::default();
    [99_u64, 3, 0, 0, 1]
        .iter()
        .for_each(|setting| hash.update(&setting.to_le_bytes()));
    for clip in &rows.clips {
        hash.update(&clip.asset_id.to_le_bytes());
        hash.update(&clip.shard.to_le_bytes());
        hash.update(&clip.row.to_le_bytes());
    }
    hash.update(&matrices.0);
    assert_eq!(sampler(&rows, balanced).state(1, 0).dataset_hash, hash.finish().xxh3);
}

#[test]
fn clips_of_a_recording_come_side_by_side() {
    let rows = recordings(&[9; 40]);
    let alone = |sampler: &Sampler| {
        let mut alone = 0;
        for step in 0..sampler.batches_per_epoch() {
            let mut count: HashMap<i64, usize> = HashMap::new();
            for row in sampler.global_batch(1, step) {
                *count.entry(rows.clips[row as usize].asset_id).or_default() += 1;
            }
            alone += count.values().filter(|&&clips| clips == 1).count();
        }
        alone
    };
    let grouped = alone(&sampler(
        &rows,
        SamplerConfig {
            clips_per_asset: Some(3),
            ..config(12)
        },
    ));
    let plain = alone(&sampler(&rows, config(12)));
    assert_eq!(grouped, 0, "120 groups of 3 fill 30 batches of 12 exactly");
    assert!(plain > 200, "{plain}");
}

#[test]
fn orders_and_their_hashes_are_those_of_earlier_versions() {
    // Of the version that kept labels as matrices: its checkpoints are resumed.
    let rows = recordings(&[3, 4, 5]);
    for (class_balanced, hash, order) in [
        (
            false,
            17_643_461_693_209_004_131,
            [11, 4, 2, 6, 1, 0, 8, 3, 7, 10, 9, 5],
        ),
        (true, 490_586_471_468_885_160, [6, 5, 11, 7, 4, 8, 10, 2, 3, 0, 1, 9]),
    ] {
        let one = sampler(
            &rows,
            SamplerConfig {
                class_balanced,
                ..config(4)
            },
        );
        assert_eq!(
            (one.state(1, 0).dataset_hash.0, epoch_of(&one, 1)),
            (hash, order.to_vec())
        );
    }
}

#[test]
fn settings_and_states_that_do_not_fit_are_refused() {
    let rows = recordings(&[3, 4, 5]);
    let refused = |config| Sampler::new(&rows, shardfmt::Xxh3(99), config).unwrap_err().to_string();
    assert!(refused(config(0)).contains("batch: must be at least 1"));
    assert!(
        refused(SamplerConfig {
            rank: 2,
            ranks: 2,
            ..config(4)
        })
        .contains("rank: is 2")
    );
    let both = SamplerConfig {
        class_balanced: true,
        clips_per_asset: Some(2),
        ..config(4)
    };
    assert!(refused(both).contains("drop one"));
    let one = sampler(&rows, config(4));
    let state = one.state(1, 1);
    let resume = |sampler: &Sampler, state: &SamplerState| sampler.resume(state).map_err(|error| error.to_string());
    assert!(
        resume(&sampler(&rows, SamplerConfig { seed: 1, ..config(4) }), &state)
            .unwrap_err()
            .contains("checkpoint's is 11")
    );
    assert!(
        resume(&sampler(&rows, config(5)), &state)
            .unwrap_err()
            .contains("use the batch size")
    );
    assert!(
        resume(&sampler(&recordings(&[3, 4, 6]), config(4)), &state)
            .unwrap_err()
            .contains("training rows")
    );
    let capped = sampler(
        &rows,
        SamplerConfig {
            max_clips_per_asset: Some(9),
            ..config(4)
        },
    );
    assert!(
        resume(&capped, &state)
            .unwrap_err()
            .contains("settings that order them")
    );
    assert!(resume(&one, &SamplerState { epoch: 0, ..state }).is_err());
}

#[test]
fn windows_shuffle_a_few_shards_at_a_time() {
    let rows = recordings_in_shards(&[4, 1, 3, 2].repeat(9), 3);
    let windows = |shards, seed, clips_per_asset, max_clips_per_asset| {
        let arrangement = Arrangement::Window(shards);
        let config = SamplerConfig {
            seed,
            arrangement,
            clips_per_asset,
            max_clips_per_asset,
            ..config(7)
        };
        sampler(&rows, config)
    };
    for shards in [1, 2, 5, 12, 99] {
        for (together, most) in [(None, None), (Some(3), None), (Some(2), Some(3))] {
            let one = windows(shards, 11, together, most);
            let mut firsts = HashSet::new();
            for epoch in 1..=6 {
                let order = epoch_of(&one, epoch);
                assert_eq!(order.len(), one.rows_per_epoch());
                let different: HashSet<u32> = order.iter().copied().collect();
                assert_eq!(different.len(), order.len(), "no row twice");
                // The shards in the order of their first row: each window has the next ones, and none comes back.
                let mut met: Vec<u32> = Vec::new();
                for row in &order {
                    let shard = rows.clips[*row as usize].shard;
                    if !met.contains(&shard) {
                        met.push(shard);
                    }
                    let place = met.iter().position(|one| *one == shard).unwrap();
                    assert_eq!(place / shards, (met.len() - 1) / shards, "{shards} shards at a time");
                }
                assert_eq!(met.len(), 12);
                firsts.insert(met);
                assert_eq!(order, epoch_of(&windows(shards, 11, together, most), epoch));
                assert_ne!(order, epoch_of(&windows(shards, 12, together, most), epoch));
            }
            assert_eq!(firsts.len(), 6, "every epoch has other windows");
        }
    }
    let plain = windows(2, 11, None, None);
    let other = windows(3, 11, None, None);
    assert!(
        other.resume(&plain.state(1, 1)).is_err(),
        "another window is another order"
    );
    assert!(sampler(&rows, config(7)).resume(&plain.state(1, 1)).is_err());
    let stored = SamplerConfig {
        arrangement: Arrangement::Stored,
        ..config(7)
    };
    let stored = sampler(&rows, stored);
    assert!((1..4).all(|epoch| epoch_of(&stored, epoch).into_iter().eq(0..rows.rows() as u32)));
    for (arrangement, setting) in [
        (Arrangement::Window(2), "window"),
        (Arrangement::Stored, "stored"),
        (Arrangement::Window(0), "window_shards"),
    ] {
        let balanced = SamplerConfig {
            arrangement,
            class_balanced: true,
            ..config(7)
        };
        let error = Sampler::new(&rows, shardfmt::Xxh3(99), balanced)
            .unwrap_err()
            .to_string();
        assert!(error.contains(setting), "{error}");
    }
}

#[test]
fn a_partial_last_batch_is_left_out_where_that_is_asked_for() {
    for count in [8, 9, 10, 11, 12] {
        let rows = recordings(&vec![1; count]);
        let whole = sampler(&rows, config(4));
        let full = SamplerConfig {
            drop_last: true,
            ..config(4)
        };
        let full = sampler(&rows, full);
        let batches = |one: &Sampler| -> Vec<Vec<u32>> {
            (0..one.batches_per_epoch())
                .map(|step| one.global_batch(1, step))
                .collect()
        };
        assert_eq!(full.batches_per_epoch(), count / 4);
        assert!(batches(&full).iter().all(|batch| batch.len() == 4));
        assert_eq!(batches(&full).concat(), batches(&whole).concat()[..count / 4 * 4]);
        assert_eq!(full.resume(&full.state(3, 2)).unwrap(), (3, 2));
        assert!(full.global_batch(1, count / 4).is_empty());
    }
    let few = SamplerConfig {
        drop_last: true,
        ..config(4)
    };
    let error = Sampler::new(&recordings(&[3]), shardfmt::Xxh3(99), few).unwrap_err();
    assert!(error.to_string().starts_with("drop_last: leaves no batch"), "{error}");
}
