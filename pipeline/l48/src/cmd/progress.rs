//! Provides progress bars, of a build and of bytes read, which show nothing where there is no terminal.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use pipeline::event::Event;

/// Draws the events of a build.
pub(super) struct BuildProgress {
    bar: ProgressBar,
    rejects: AtomicU64,
}

/// Rejections that are logged one by one; the others are counted in the summary and listed in `rejects.parquet`.
const LOGGED_REJECTS: u64 = 50;

impl BuildProgress {
    /// A bar over clips, and before over headers; it shows nothing when standard error is not a terminal.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = "{wide_bar:.green/black} {human_pos}/{human_len} {prefix}  {per_sec}  {eta} left{msg}";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix("clips");
        BuildProgress {
            bar,
            rejects: AtomicU64::new(0),
        }
    }

    /// Draws an event, or logs it above the bar.
    pub(super) fn observe(&self, event: Event<'_>) {
        match event {
            Event::Headers { read, of } => {
                self.bar.set_prefix("headers");
                self.bar.set_length(of as u64);
                self.bar.set_position(read as u64);
            }
            Event::Planned { clips, done } => {
                self.bar.set_prefix("clips");
                self.bar.set_length(clips);
                self.bar.set_position(done);
                self.bar.reset_eta();
            }
            Event::Clips(clips) => {
                self.bar.inc(clips);
                // Headers may declare too few frames.
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

    /// Removes the bar.
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
