//! Provides progress bars, silent where there is no terminal: of a build, as an observer of its events, and of bytes read.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use pipeline::event::Event;

/// Draws the events of a build.
pub(super) struct Progress {
    bar: ProgressBar,
    rejects: AtomicU64,
}

/// Rejections after these are counted in the summary and listed in `rejects.parquet`, not logged one by one.
const LOGGED_REJECTS: u64 = 50;

impl Progress {
    /// A bar over clips; it shows nothing when standard error is not a terminal.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = "{wide_bar:.green/black} {human_pos}/{human_len} clips  {per_sec}  {eta} left{msg}";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress {
            bar,
            rejects: AtomicU64::new(0),
        }
    }

    /// Takes an event in.
    pub(super) fn observe(&self, event: Event<'_>) {
        match event {
            Event::Planned { clips, done } => {
                self.bar.set_length(clips);
                self.bar.set_position(done);
                self.bar.reset_eta();
            }
            Event::Clips(clips) => {
                self.bar.inc(clips);
                // Headers may promise too little.
                if self.bar.length().is_some_and(|length| self.bar.position() > length) {
                    self.bar.set_length(self.bar.position());
                }
            }
            Event::Rejected(row) => {
                let seen = self.rejects.fetch_add(1, Ordering::Relaxed) + 1;
                self.bar.set_message(format!("  {seen} rejected"));
                let hint = if seen == LOGGED_REJECTS {
                    " (further ones are listed in rejects.parquet)"
                } else {
                    ""
                };
                if seen <= LOGGED_REJECTS {
                    let log = || {
                        tracing::warn!(
                            "rejected asset {} ({}): {}: {}{hint}",
                            row.asset_id,
                            row.path,
                            row.stage,
                            row.reason
                        )
                    };
                    self.bar.suspend(log);
                }
            }
            Event::Warning(text) => self.bar.suspend(|| tracing::warn!("{text}")),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A bar over bytes.
pub(super) fn bytes_bar(total: u64) -> ProgressBar {
    let style = "{wide_bar:.green/black} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}";
    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}
