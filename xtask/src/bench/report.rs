//! From the output of the benchmarks to the tables of the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::process::Outcome;

/// What the tables stand between.
const BEGIN: &str = "<!-- made by `cargo xtask bench`: begin -->";
const END: &str = "<!-- made by `cargo xtask bench`: end -->";

/// A median as it was printed, and in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
struct Median {
    shown: String,
    nanoseconds: f64,
}

/// What a line begins with that states a figure beside its bound: table, work, figure, what it stands beside,
/// bound, whether it was met.
const MEASURED: &str = "@measured|";

/// Medians by backend, work and size, those of the benchmarks that have neither backend nor size, and the rows of
/// figures beside their bounds, by table.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Medians {
    of_backends: BTreeMap<String, BTreeMap<String, BTreeMap<u64, Median>>>,
    others: BTreeMap<String, Median>,
    bounds: BTreeMap<String, Vec<String>>,
}

impl Medians {
    /// Reads the tree that divan prints: a line for each work, below it a line for each case.
    pub(super) fn read(text: &str) -> Self {
        let mut medians = Self { bounds: bounds(text), ..Self::default() };
        let mut work = String::new();
        for line in text.lines().filter(|line| line.contains('│') || line.contains('─')) {
            let nested = line.starts_with(['│', ' ']);
            let line = line.trim_start_matches(['│', '├', '╰', '─', ' ']);
            let mut columns = line.split('│').map(str::trim);
            let first = columns.next().unwrap_or_default();
            let median = columns.nth(1).and_then(median);
            let words: Vec<&str> = first.split_whitespace().collect();
            match (words.as_slice(), median) {
                ([name, ..], None) => work = (*name).to_owned(),
                ([backend, size, ..], Some(median)) if nested && size.parse::<u64>().is_ok() => {
                    let size = size.parse().unwrap_or_default();
                    let works = medians.of_backends.entry((*backend).to_owned()).or_default();
                    works.entry(work.clone()).or_default().insert(size, median);
                }
                ([case, ..], Some(median)) => {
                    let name = if nested { format!("{work}: {case}") } else { (*case).to_owned() };
                    medians.others.insert(name, median);
                }
                ([], _) => {}
            }
        }
        medians
    }

    fn tables(&self) -> String {
        let mut text = String::new();
        for (table, rows) in &self.bounds {
            let _ = writeln!(text, "\n### {table}\n");
            text.push_str(
                "| work | measured | beside | bound | met |\n| --- | ---: | ---: | ---: | --- |\n",
            );
            for row in rows {
                let _ = writeln!(text, "| {} |", row.replace('|', " | "));
            }
        }
        for (backend, works) in &self.of_backends {
            table(&mut text, backend, works);
        }
        if !self.others.is_empty() {
            text.push_str("\n### Decisions in memory\n\n| work | median |\n| --- | ---: |\n");
            for (name, median) in &self.others {
                line(&mut text, &[name, &median.shown]);
            }
        }
        text
    }
}

fn bounds(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let rows = text.lines().filter_map(|line| line.strip_prefix(MEASURED)?.split_once('|'));
    for (table, row) in rows {
        tables.entry(table.to_owned()).or_default().push(row.to_owned());
    }
    tables
}

/// A number and its unit, as divan prints a time.
fn median(text: &str) -> Option<Median> {
    let (number, unit) = text.split_once(' ')?;
    let scale = match unit {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    let nanoseconds = number.parse::<f64>().ok()? * scale;
    Some(Median { shown: text.to_owned(), nanoseconds })
}

fn table(text: &mut String, backend: &str, works: &BTreeMap<String, BTreeMap<u64, Median>>) {
    let mut sizes: Vec<u64> = works.values().flat_map(|medians| medians.keys().copied()).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let _ = writeln!(text, "\n### {backend}\n");
    let mut head = vec!["work".to_owned()];
    head.extend(sizes.iter().map(|size| format!("{size} users")));
    head.push("growth".to_owned());
    line(text, &head);
    let rule: Vec<&str> =
        head.iter().enumerate().map(|(n, _)| if n == 0 { "---" } else { "---:" }).collect();
    line(text, &rule);
    let mut growths = Vec::new();
    for (work, medians) in works {
        let shown = |size| medians.get(size).map_or("", |median: &Median| median.shown.as_str());
        let mut cells = vec![work.as_str()];
        cells.extend(sizes.iter().map(shown));
        let growth = growth(medians);
        cells.push(&growth);
        line(text, &cells);
        growths.push((work, growth.clone()));
    }
    plot(text, backend, &growths);
}

/// How many times longer the largest size takes than the smallest.
fn growth(medians: &BTreeMap<u64, Median>) -> String {
    match (medians.first_key_value(), medians.last_key_value()) {
        (Some((small, least)), Some((large, most))) if small != large => {
            format!("{:.2}", most.nanoseconds / least.nanoseconds)
        }
        _ => String::new(),
    }
}

/// The growths as bars.
fn plot(text: &mut String, backend: &str, growths: &[(&String, String)]) {
    let growths: Vec<_> = growths.iter().filter(|(_, growth)| !growth.is_empty()).collect();
    if growths.is_empty() {
        return;
    }
    let names: Vec<String> = growths.iter().map(|(work, _)| format!("\"{work}\"")).collect();
    let bars: Vec<&str> = growths.iter().map(|(_, growth)| growth.as_str()).collect();
    let _ = write!(
        text,
        "\n```mermaid\nxychart-beta horizontal\n    title \"{backend}: largest size over smallest\"\n    \
         x-axis [{}]\n    y-axis \"times\" 0 --> 4\n    bar [{}]\n```\n",
        names.join(", "),
        bars.join(", ")
    );
}

fn line<S: AsRef<str>>(text: &mut String, cells: &[S]) {
    for cell in cells {
        let _ = write!(text, "| {} ", cell.as_ref());
    }
    text.push_str("|\n");
}

/// The page with other tables.
pub(super) fn renewed(page: &str, medians: &Medians) -> Outcome<String> {
    let broken = || format!("the page must hold `{BEGIN}` and, behind it, `{END}`");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(broken)?;
    let (_, after) = rest.split_once(END).ok_or_else(broken)?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", medians.tables()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
Timer precision: 20 ns
backends                    fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ count                                  │               │               │               │         │
│  ├─ memory 10000          316.9 ns      │ 672.7 ns      │ 400 ns        │ 441.2 ns      │ 6       │ 6
│  ╰─ memory 1000000        688.2 ns      │ 828.7 ns      │ 1 µs          │ 770.7 ns      │ 6       │ 6
╰─ create                                 │               │               │               │         │
   ╰─ sqlite 10000          673.1 µs      │ 30.03 ms      │ 1.023 ms      │ 1.814 ms      │ 100     │ 100
decide                      fastest       │ slowest       │ median        │ mean          │ samples │ iters
@measured|Forward auth|verify|9000/s|10000/s, share 0.90|at least 0.7|yes
╰─ decide_cached            673.1 ns      │ 30.03 ns      │ 90.5 ns       │ 1.814 ms      │ 100     │ 100
";

    #[test]
    fn medians_become_tables_with_their_growth() {
        let page = format!("top\n{BEGIN}\nold\n{END}\nbottom\n");
        let page = renewed(&page, &Medians::read(OUTPUT)).expect("the marks are there");
        assert!(page.starts_with("top\n") && page.ends_with("bottom\n"), "{page}");
        assert!(!page.contains("old"), "{page}");
        assert!(page.contains("| count | 400 ns | 1 µs | 2.50 |"), "{page}");
        assert!(page.contains("| create | 1.023 ms |  |"), "{page}");
        let row = "| verify | 9000/s | 10000/s, share 0.90 | at least 0.7 | yes |";
        assert!(page.contains("### Forward auth") && page.contains(row), "{page}");
        assert!(page.contains("| decide_cached | 90.5 ns |"), "{page}");
    }

    #[test]
    fn a_page_without_the_marks_is_left_alone() {
        let refused = renewed("nothing here", &Medians::default()).expect_err("no marks");
        assert!(refused.contains("begin"), "{refused}");
    }
}
