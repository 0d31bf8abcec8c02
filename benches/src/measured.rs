//! A figure beside its bound, printed so that `cargo xtask bench` finds it among the output.

use std::time::Duration;

/// What `cargo xtask bench` knows a line by.
const MARK: &str = "@measured";

/// Prints a row of the table `table`: `work`, what was `measured`, what it stands `beside`, and the `bound` with
/// whether it was `met`.
///
/// ```
/// systemprompt_users_bench::row("revocation", "ban on A, refused on B", "p99 9 ms", "", "under 100 ms", true);
/// ```
pub fn row(table: &str, work: &str, measured: &str, beside: &str, bound: &str, met: bool) {
    let met = if met { "yes" } else { "no" };
    println!("{MARK}|{table}|{work}|{measured}|{beside}|{bound}|{met}");
}

/// A rate beside that of the bare thing, which it is to reach `least` of. Both are operations a second.
pub fn rate(table: &str, work: &str, ours: f64, bare: f64, least: f64) {
    let share = ours / bare;
    row(
        table,
        work,
        &format!("{ours:.0}/s"),
        &format!("{bare:.0}/s, share {share:.2}"),
        &format!("at least {least}"),
        share >= least,
    );
}

/// How long one takes beside how long the bare thing takes, of which it is to be at most `most` times.
pub fn time(table: &str, work: &str, ours: Duration, bare: Duration, most: f64) {
    let times = ours.as_secs_f64() / bare.as_secs_f64();
    row(
        table,
        work,
        &format!("{ours:?}"),
        &format!("{bare:?}, times {times:.2}"),
        &format!("at most {most}"),
        times <= most,
    );
}

/// The value below which that share of the times lies; the times are sorted by this.
pub fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let place = (times.len() as f64 * share) as usize;
    times.get(place).or(times.last()).copied().unwrap_or_default()
}

/// How much memory this process holds, in bytes.
pub fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}
