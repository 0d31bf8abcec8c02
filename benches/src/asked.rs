//! What a benchmark was asked for: by the arguments of `cargo bench`, and by variables of the environment.

use std::str::FromStr;

/// Whether the benchmark that has this name is to measure. It is not in a test run, nor when other ones were
/// chosen: a filter chooses each name that holds it.
pub fn is_asked_for(name: &str) -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut filters = arguments.iter().filter(|word| !word.starts_with('-')).peekable();
    let is_chosen = filters.peek().is_none() || filters.any(|filter| name.contains(&**filter));
    arguments.iter().any(|word| word == "--bench") && is_chosen
}

/// The number that a variable holds, or the default where it is absent or none.
pub fn number<T: FromStr>(variable: &str, default: T) -> T {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
