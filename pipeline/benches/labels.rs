//! Measures the label rules: ten minutes with 600 boxes and both priors, 200 clips, by the number of classes.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pipeline::labels::{ClipSpan, ImageAxes, Labeller};
use pipeline::manifest::{
    AssetBox, BoxCode, BoxTable, Checklist, Completeness, GeoPrior, IgnoredOnly, LabelRules, OtherCodes, PriorConflict,
    Recording, Span, SpanScope, WeakLabels,
};
use shardfmt::{Split, Taxa, Taxon};

const CLIPS: i64 = 200;
const BOXES: i64 = 600;
const NS: i64 = 1_000_000_000;
const CLIP_NS: i64 = 3 * NS;

/// Axes without a scale of their own: the rules are measured, not the mel formula.
struct Linear;

impl ImageAxes for Linear {
    fn x_of_s(&self, time_s: f64) -> f64 {
        time_s / 3.0
    }
    fn y_of_hz(&self, hz: f64) -> f64 {
        hz / 11_025.0
    }
    fn range_hz(&self) -> (f64, f64) {
        (50.0, 11_025.0)
    }
}

fn rules() -> LabelRules {
    LabelRules {
        completeness: Completeness::Box,
        unknown_bird_codes: Vec::new(),
        no_bird_codes: Vec::new(),
        aliases: Default::default(),
        ignored_only: IgnoredOnly::Absent,
        other_codes: OtherCodes::Error,
        prior_conflict: PriorConflict::PositiveWins,
        weak: WeakLabels::None,
        weak_threshold: None,
    }
}

fn recording(classes: u32) -> Recording {
    let table = Arc::new(BoxTable {
        file: "boxes.csv".into(),
        label_column: "species_code".into(),
    });
    let boxes = (0..BOXES).map(|i| AssetBox {
        table: Arc::clone(&table),
        start_ns: i * NS,
        end_ns: i * NS + 4 * NS / 5,
        low_hz: Some(2000.0),
        high_hz: Some(8000.0),
        code: BoxCode::Class((i as u32).wrapping_mul(7) % classes),
        status: None,
        line: 0,
    });
    let possible: Vec<u32> = (0..classes).step_by(2).collect();
    Recording {
        asset_id: 1,
        path: "a.wav".into(),
        file: PathBuf::from("a.wav"),
        split: Split::Train,
        target: Some(0),
        latitude: None,
        longitude: None,
        recorded_at: None,
        checklist_id: None,
        license: None,
        source_url: None,
        heard: None,
        annotation: None,
        boxes: boxes.collect(),
        spans: vec![Span {
            start_ns: 0,
            end_ns: CLIPS * CLIP_NS / 2,
            scope: SpanScope::All,
        }],
        geo: Some(GeoPrior {
            possible: possible.clone(),
            modelled: (0..classes).collect(),
        }),
        checklist: Some(Arc::new(Checklist {
            observed: possible,
            unsure: Vec::new(),
            complete: true,
        })),
        scores: Vec::new(),
        line: 0,
    }
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("label rules, 200 clips, by classes");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(CLIPS as u64));
    for classes in [50, 500, 5000] {
        let taxon = |class: u32| Taxon {
            species_code: format!("bird{class}"),
            common_name: None,
            scientific_name: None,
        };
        let Ok(taxa) = Taxa::new((0..classes).map(taxon).collect()) else {
            return;
        };
        let (rules, recording) = (rules(), recording(classes));
        let labeller = Labeller::new(&rules, &recording, &taxa, (CLIPS * CLIP_NS / NS) as f64, 11_025.0);
        group.bench_function(BenchmarkId::from_parameter(classes), |bencher| {
            bencher.iter(|| {
                let mut counts = 0;
                for clip in 0..CLIPS {
                    let span = ClipSpan {
                        start_ns: clip * CLIP_NS,
                        end_ns: (clip + 1) * CLIP_NS,
                        real_end_ns: (clip + 1) * CLIP_NS,
                    };
                    black_box(labeller.label(black_box(span), &Linear, &mut counts));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(labels, benches);
criterion_main!(labels);
