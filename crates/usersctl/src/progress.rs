//! How far something long is: on stderr, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a bar is drawn a second.
const DRAWS_PER_SECOND: u8 = 10;

/// A bar that is gone when it is dropped. Without a terminal it is never seen.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Of this many things, if their number is known.
    pub(crate) fn items(what: &'static str, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "{prefix} {wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left",
            None => "{spinner} {prefix} {human_pos}  {per_sec}  {elapsed}",
        };
        Self::new(what, total, template)
    }

    /// Of a file of this many bytes, if their number is known; see [`Progress::rows`].
    pub(crate) fn bytes(what: &'static str, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "{prefix} {wide_bar} {percent}%  {msg}  {eta} left",
            None => "{spinner} {prefix} {msg}  {elapsed}",
        };
        Self::new(what, total, template)
    }

    /// Of something that does not say how far it is.
    pub(crate) fn unknown(what: &'static str) -> Self {
        Self::new(what, None, "{spinner} {prefix}  {elapsed}")
    }

    fn new(what: &'static str, total: Option<u64>, template: &str) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
        let bar = ProgressBar::with_draw_target(total, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar }
    }

    /// So many more are done.
    pub(crate) fn add(&self, count: u64) {
        self.bar.inc(count);
    }

    /// So many bytes and rows are read.
    pub(crate) fn rows(&self, bytes: u64, rows: u64) {
        self.bar.set_position(bytes);
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people need not be exact")]
        let rate = rows as f64 / seconds;
        self.bar.set_message(format!("{rows} rows  {rate:.0}/s"));
    }

    /// Writes a line to stderr without disturbing the bar.
    pub(crate) fn note(&self, line: &str) {
        self.bar.suspend(|| crate::exit::note(line));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
