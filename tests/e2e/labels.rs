//! Tests labels computed end to end: clips where they should lie, classes present, absent or unknown as worked out by
//! hand.

use shardfmt::{BoxStatus, LabelRow, LabelSource};

use crate::dataset_rows::{clips_of, codes, open};
use crate::outside::real_data;
use crate::program::l48;
use crate::recordings::{RATE_HZ, Workplace};

/// One recording of `seconds` as asset 1, with a boxes table and settings.
fn one_recording(seconds: f64, boxes: &str, settings: &str) -> Workplace {
    let place = Workplace::with_recordings(&format!("boxes = \"boxes.csv\"\n{settings}"), &[(1, seconds)]);
    place.write(
        "boxes.csv",
        &format!("asset_id,start_s,end_s,low_hz,high_hz,species_code,status\n{boxes}"),
    );
    place
}

/// The clips of asset 1 as "present | absent | unknown", and their rows.
fn labelled(place: &Workplace) -> (Vec<String>, Vec<LabelRow>) {
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    let dataset = open(&out);
    let rows = clips_of(&dataset, 1);
    let text = |row: &LabelRow| {
        [&row.present, &row.absent, &row.unknown]
            .map(|list| codes(&dataset, list))
            .join(" | ")
    };
    (rows.iter().map(text).collect(), rows)
}

#[test]
fn overlapping_clips_each_see_their_part_of_a_box() {
    // Clips start at 0, 1.5, 3, 4.5, 6 and 7.5 s; the box lies in the second, third and (for 0.1 s, its edge) fourth.
    let place = one_recording(10.0, "1,4.0,4.6,,,eastow,\n", "[clips]\nhop_s = 1.5\n");
    let (labels, rows) = labelled(&place);
    let (unknown, present) = (" |  | woothr eastow norcar bkcchi", "eastow | woothr norcar bkcchi | ");
    assert_eq!(labels, [unknown, present, present, unknown, unknown, unknown]);
    let times: Vec<_> = rows.iter().map(|row| (row.start_s, row.end_s, row.valid_s)).collect();
    assert_eq!(
        times,
        [
            (0.0, 3.0, 3.0),
            (1.5, 4.5, 3.0),
            (3.0, 6.0, 3.0),
            (4.5, 7.5, 3.0),
            (6.0, 9.0, 3.0),
            (7.5, 10.5, 2.5)
        ]
    );
    let boxes: Vec<_> = rows
        .iter()
        .map(|row| {
            row.boxes
                .iter()
                .map(|b| (b.start_s, b.end_s, b.status))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(boxes[1], [(4.0, 4.5, BoxStatus::Active)]);
    assert_eq!(boxes[2], [(4.0, 4.6, BoxStatus::Active)]);
    assert_eq!(boxes[3], [(4.5, 4.6, BoxStatus::Ignore)]);
    assert!(boxes[0].is_empty() && boxes[4].is_empty() && boxes[5].is_empty());
}

#[test]
fn dropped_tails_leave_whole_clips_only() {
    let (_, padded) = labelled(&one_recording(7.0, "", ""));
    let (_, whole) = labelled(&one_recording(7.0, "", "[clips]\ntail = \"drop\"\n"));
    assert_eq!(
        padded.iter().map(|row| row.valid_s).collect::<Vec<_>>(),
        [3.0, 3.0, 1.0]
    );
    assert_eq!(whole.iter().map(|row| row.valid_s).collect::<Vec<_>>(), [3.0, 3.0]);
    let (_, exact) = labelled(&one_recording(6.0, "", "[clips]\ntail = \"drop\"\n"));
    assert_eq!(exact.len(), 2);
}

#[test]
fn decimal_hops_do_not_drift() {
    // 0.7 s are 15,435 samples exactly; 0.0333 s are 734.265, which rounding once and for all would turn into 734.
    for (hop, digits, places) in [("0.7", 7u64, 10u64), ("0.0333", 333, 10_000)] {
        let place = one_recording(
            6.0,
            "",
            &format!("[clips]\nduration_s = 0.5\nhop_s = {hop}\n[spectrogram]\nframes = 64\n"),
        );
        let (_, rows) = labelled(&place);
        let start_sample = |index: u64| (2 * index * digits * u64::from(RATE_HZ) + places) / (2 * places);
        for (index, row) in (0..).zip(&rows) {
            assert_eq!(
                row.start_s,
                start_sample(index) as f64 / f64::from(RATE_HZ),
                "clip {index} of hop {hop}"
            );
        }
        // The fewest clips that cover every sample; where clips leave gaps, every one that starts before the end.
        let (total, length) = (6 * u64::from(RATE_HZ), u64::from(RATE_HZ) / 2);
        let expected = (0..).take_while(|&index| {
            start_sample(index) < total && (index == 0 || start_sample(index - 1) + length < total)
        });
        assert_eq!(rows.len(), expected.count(), "hop {hop}");
    }
}

#[test]
fn a_box_counts_unless_ignored_at_an_edge_or_out_of_range() {
    let boxes = "1,0.0,1.0,,,woothr,ignore\n\
        1,2.95,5.0,,,eastow,\n\
        1,5.93,6.0,,,norcar,\n\
        1,7.0,8.0,11025,12000,bkcchi,\n\
        1,7.0,8.0,11024,12000,woothr,passive\n";
    let (labels, rows) = labelled(&one_recording(9.0, boxes, ""));
    assert_eq!(
        labels,
        [
            // An ignored box, and 50 ms of a long one: nothing counts, so nothing is complete.
            " |  | woothr eastow norcar bkcchi",
            // The long one's main part, and a short call (70 ms) at the very edge.
            "eastow norcar | woothr bkcchi | ",
            // A box above the image; one that reaches into it.
            "woothr | eastow norcar bkcchi | ",
        ]
    );
    let status = |row: &LabelRow| row.boxes.iter().map(|found| found.status).collect::<Vec<_>>();
    assert_eq!(status(&rows[0]), [BoxStatus::Ignore, BoxStatus::Ignore]);
    assert_eq!(status(&rows[1]), [BoxStatus::Active, BoxStatus::Active]);
    assert_eq!(status(&rows[2]), [BoxStatus::Ignore, BoxStatus::Passive]);
    assert!(
        rows[2].boxes.iter().all(|found| found.high_hz == Some(11_025.0)),
        "cut to the image's range"
    );
}

#[test]
fn spans_markers_and_priors_follow_the_rules() {
    let place = one_recording(
        18.0,
        "1,0.5,1.5,,,eastow,\n1,3.5,4.5,,,unkbrd,passive\n1,5.5,5.9,,,eastow,\n1,6.0,9.0,,,nobird,\n1,12.5,13.5,,,norcar,ignore\n",
        "annotated_spans = \"spans.csv\"\ngeo_prior = \"geo.csv\"\n\
         [labels]\ncompleteness = \"span\"\nunknown_bird_codes = [\"unkbrd\"]\nno_bird_codes = [\"nobird\"]\nignored_only = \"unknown\"\n",
    );
    // `boxes` of `one_recording` ends the [tables] section of the manifest, so the two tables follow it there.
    place.write(
        "spans.csv",
        "asset_id,start_s,end_s,scope\n1,0,2,all\n1,2,6,all\n1,9,12,target\n1,12,15,all\n",
    );
    place.write(
        "geo.csv",
        "asset_id,possible_species,modelled_species\n1,woothr;eastow,woothr;eastow;bkcchi\n",
    );
    let (labels, rows) = labelled(&place);
    assert_eq!(
        labels,
        [
            "eastow | woothr norcar bkcchi | ",  // two spans cover it together
            "eastow | bkcchi | woothr norcar",   // an unknown bird withholds all but the geographic negative
            " | woothr eastow norcar bkcchi | ", // covered by a no-bird box
            " | woothr bkcchi | eastow norcar",  // the target was looked for
            " | woothr eastow bkcchi | norcar",  // a class with ignored boxes only
            " | bkcchi | woothr eastow norcar",  // nothing but the geographic negative
        ]
    );
    let sources: Vec<_> = rows.iter().map(|row| row.label_source).collect();
    use LabelSource::{Incomplete, NoBird, Span};
    assert_eq!(sources, [Span, Span, NoBird, Incomplete, Span, Incomplete]);
    let full: Vec<_> = rows.iter().map(|row| row.fully_annotated).collect();
    assert_eq!(full, [true, false, true, false, false, false]);
}

#[test]
fn digital_silence_is_marked_and_has_no_level() {
    let place = one_recording(6.0, "", "");
    let mut samples = vec![0.0; RATE_HZ as usize * 3];
    samples.extend(std::iter::repeat_n(0.5, RATE_HZ as usize * 3));
    place.wav("audio/1.wav", RATE_HZ, 1, &samples);
    let (_, rows) = labelled(&place);
    assert_eq!((rows[0].silent, rows[0].rms_dbfs), (true, None));
    assert!(!rows[1].silent);
    // 20 log10 0.5, stored in single precision.
    assert!(
        (rows[1].rms_dbfs.unwrap() + 6.0206).abs() < 1e-3,
        "{:?}",
        rows[1].rms_dbfs
    );
}

#[test]
fn the_last_42_ms_of_a_long_song_do_not_make_it_present() {
    let Some(data) = real_data() else { return };
    let place = Workplace::new();
    let table = |name: &str| format!("{name} = {:?}\n", data.join(format!("{name}.csv")).to_str().unwrap());
    let tables: String = ["recordings", "taxa", "boxes", "geo_prior", "checklist_prior"]
        .map(table)
        .concat();
    place.write(
        "manifest.toml",
        &format!("[dataset]\nname = \"real\"\n[tables]\n{tables}[labels]\nunknown_bird_codes = [\"unkbrd\"]\n"),
    );
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out)
        .expect(0)
        .prints("of 14 recordings");
    let dataset = open(&out);
    let clips = clips_of(&dataset, 1023);
    assert_eq!(clips.len(), 7);
    // refspi1 at 0.507-3.042, 5.221-7.870, 11.330-13.750 and 16.437-18.731 s.
    let present: Vec<String> = clips.iter().map(|row| codes(&dataset, &row.present)).collect();
    assert_eq!(
        present,
        [
            "refspi1", "refspi1", "refspi1", "refspi1", "refspi1", "refspi1", "refspi1"
        ]
    );
    let second: Vec<_> = clips[1]
        .boxes
        .iter()
        .map(|found| (found.species_code.as_str(), found.status))
        .collect();
    // Its tail of 42 ms, an unknown bird until 3.219 s, and the song that starts at 5.221 s.
    let (ignore, active, passive) = (BoxStatus::Ignore, BoxStatus::Active, BoxStatus::Passive);
    assert_eq!(second, [("refspi1", ignore), ("unkbrd", passive), ("refspi1", active)]);
    // Without the second song the class would be unknown there: the unknown bird withholds absences.
    let unknown = codes(&dataset, &clips[1].unknown);
    assert_eq!(
        unknown, "gbwwre1 glbthr1 rucspa1",
        "what is possible there and was not heard"
    );
    assert_eq!(clips[1].absent.len(), 28 - 1 - 3);
}
