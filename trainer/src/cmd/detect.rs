//! `l48-train detect`: finds the classes of a run in recordings.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Result;
use frontend::Frontend;
use frontend::flow::Workers;
use indicatif::{ProgressBar, ProgressStyle};
use shardfmt::Taxa;

use super::trained::Trained;
use super::{INCOMPLETE, device, output};
use crate::cli::DetectArgs;
use crate::detect::{
    Choice, DetectionFolder, Detector, Plan, PlanSettings, Progress, SelectionForm, Summary, TableChoice, TablesOf,
    Times, Work, find_recordings, read_thresholds, write_tables,
};

/// Time between lines of log where there is no terminal for a bar.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// Runs the command.
pub(super) fn run(args: &DetectArgs) -> Result<ExitCode> {
    let trained = Trained::load(&args.run, device::choose(args.device.device))?;
    trained.warn_of_prior("nothing says where and when these recordings were made");
    let frontend = trained.record.dataset.images().frontend(args.hop)?;
    let taxa = Taxa::new(trained.record.dataset.taxa.clone())?;
    let (choice, plan) = plan(args, &trained, &taxa, &frontend)?;
    let recordings = find_recordings(&args.recordings)?;
    let folder = DetectionFolder::begin(&args.out, &plan, args.resume)?;
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        usize::from,
    );
    let detector = Detector {
        frontend: &frontend,
        model: (&trained.model, &trained.scaling),
        choice: &choice,
        embeddings: args.embeddings,
    };
    let begun = Instant::now();
    let shown = Shown::new(frontend.settings().clips.hop_s.to_f64());
    let work = detector.detect(&folder, &recordings, &Workers::start(threads)?, &|progress| {
        shown.tell(&progress)
    })?;
    shown.bar.finish_and_clear();
    let took = begun.elapsed();
    let (low_hz, high_hz) = frontend.log_mel().axis().range_hz();
    let of = TablesOf {
        taxa: &taxa,
        times: Times::new(&frontend),
        band_hz: (low_hz, high_hz),
    };
    let summary = write_tables(&folder, &recordings, &of, &tables(args))?;
    output::print(&report(args, &work, took, &summary))?;
    Ok(ExitCode::from(if summary.rejected > 0 { INCOMPLETE } else { 0 }))
}

/// What is detected, and the record of it.
fn plan(args: &DetectArgs, trained: &Trained, taxa: &Taxa, frontend: &Frontend) -> Result<(Choice, Plan)> {
    let weights_xxh3 = trained.weights_xxh3()?;
    let read = || {
        trained
            .folder
            .calibration()
            .read(weights_xxh3, &trained.record.dataset.taxa)
    };
    let (calibration, calibration_xxh3) = args.calibrated.then(read).transpose()?.unzip();
    let thresholds = match &args.thresholds {
        Some(file) => read_thresholds(file, taxa, args.min_score)?,
        None => vec![args.min_score; taxa.len()],
    };
    let own = taxa
        .iter()
        .zip(&thresholds)
        .filter(|(_, threshold)| **threshold != args.min_score);
    let top_k = args.top_k.map(|top_k| top_k as usize);
    let settings = PlanSettings {
        weights_xxh3,
        image: frontend.settings().clone(),
        min_score: args.min_score,
        thresholds: own
            .map(|(taxon, &threshold)| (taxon.species_code.clone(), threshold))
            .collect::<BTreeMap<_, _>>(),
        top_k,
        calibration_xxh3,
        embeddings: args.embeddings,
    };
    let run = std::path::absolute(&args.run).unwrap_or_else(|_| args.run.clone());
    let choice = Choice {
        thresholds,
        top_k,
        calibration,
    };
    Ok((choice, Plan::new(run, settings)))
}

fn tables(args: &DetectArgs) -> TableChoice {
    let forms = [
        (args.raven, SelectionForm::Raven),
        (args.birdnet, SelectionForm::BirdNet),
        (args.audacity, SelectionForm::Audacity),
    ];
    TableChoice {
        forms: forms.into_iter().filter(|form| form.0).map(|form| form.1).collect(),
        merge: args.merge,
    }
}

/// The result in words.
fn report(args: &DetectArgs, work: &Work, took: Duration, summary: &Summary) -> String {
    let hours = |seconds: f64| seconds / 3600.0;
    let mut text = format!(
        "{}: {} detections in {} recordings ({:.2} h, {} windows)\n",
        args.out.join("detections.csv").display(),
        summary.detections,
        summary.recordings,
        hours(summary.duration_s),
        summary.windows
    );
    if work.windows > 0 {
        let seconds = took.as_secs_f64();
        text += &format!(
            "speed {:.0} times real time, {:.1} windows/s: {:.2} h in {seconds:.1} s\n",
            work.duration_s / seconds,
            work.windows as f64 / seconds,
            hours(work.duration_s)
        );
    }
    if summary.rejected > 0 {
        let rejects = args.out.join("rejects.csv");
        text += &format!("Refused recordings: {}, see {}\n", summary.rejected, rejects.display());
    }
    text
}

/// A bar over the windows; without a terminal, a line of log now and then.
struct Shown {
    bar: ProgressBar,
    hop_s: f64,
    begun: Instant,
    logged: Mutex<Instant>,
}

impl Shown {
    fn new(hop_s: f64) -> Self {
        let bar = ProgressBar::new(0);
        let style = "{wide_bar:.green/black} {human_pos}/{human_len} windows  {msg}  {eta} left";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let now = Instant::now();
        Self {
            bar,
            hop_s,
            begun: now,
            logged: Mutex::new(now),
        }
    }

    fn tell(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Planned {
                windows,
                recordings_done,
            } => {
                self.bar.set_length(*windows);
                self.bar.reset_eta();
                if *recordings_done > 0 {
                    tracing::info!("{recordings_done} recordings were done before");
                }
            }
            Progress::Windows(windows) => {
                self.bar.inc(*windows as u64);
                let speed = self.bar.position() as f64 * self.hop_s / self.begun.elapsed().as_secs_f64();
                self.bar.set_message(format!("{speed:.0} x real time"));
                self.log(speed);
            }
            Progress::Rejected(listed, rejected) => self.bar.suspend(|| {
                tracing::warn!("{}: refused ({}): {}", listed.path, rejected.stage, rejected.reason);
            }),
        }
    }

    fn log(&self, speed: f64) {
        let mut logged = self.logged.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.bar.is_hidden() && logged.elapsed() >= LOG_EVERY {
            *logged = Instant::now();
            let (done, of) = (self.bar.position(), self.bar.length().unwrap_or_default());
            let left = self.bar.eta().as_secs();
            tracing::info!("{done} of {of} windows, {speed:.0} times real time, about {left} s left");
        }
    }
}
