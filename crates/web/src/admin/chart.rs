//! Charts as SVG: shapes here, colours in the style sheet, the figures again as a table.

use askama::Template;

use super::text::grouped;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 38.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 24.0;
/// So many labels fit below.
const LABELS: usize = 6;

/// A series of figures over time.
#[derive(Template)]
#[template(path = "admin/chart.html")]
pub(super) struct Chart {
    id: &'static str,
    title: String,
    caption: String,
    points: Vec<Point>,
    lines: Vec<GridLine>,
    /// The points as a curve and the area below it; without them the points are bars.
    curve: Option<Curve>,
}

/// One figure.
struct Point {
    label: String,
    /// The label where there is little room: the day.
    short: String,
    count: String,
    x: String,
    y: String,
    width: String,
    height: String,
    /// Whether the label is written below it, and where.
    below: Option<String>,
}

struct GridLine {
    y: String,
    text_y: String,
    label: String,
}

struct Curve {
    line: String,
    area: String,
}

impl Chart {
    /// Bars, one for each of `series`.
    pub(super) fn bars(
        id: &'static str,
        title: &str,
        caption: String,
        series: &[(String, u64)],
    ) -> Self {
        let scale = Scale::of(series);
        let step = scale.step();
        let points = series.iter().enumerate().map(|(place, (label, count))| {
            let x = LEFT + step * number(place);
            let y = scale.y(*count);
            let height = scale.bottom() - y;
            scale.point(place, (label, *count), (x + step * 0.14, y), (step * 0.72, height))
        });
        let points = points.collect();
        Self { id, title: title.into(), caption, points, lines: scale.lines(), curve: None }
    }

    /// A curve through `series`.
    pub(super) fn curve(
        id: &'static str,
        title: &str,
        caption: String,
        series: &[(String, u64)],
    ) -> Self {
        let scale = Scale::of(series);
        let step = scale.step();
        let places = series
            .iter()
            .enumerate()
            .map(|(place, (_, count))| (LEFT + step * (number(place) + 0.5), scale.y(*count)));
        let places: Vec<(f64, f64)> = places.collect();
        let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let line = line.join(" ");
        let (first, last) =
            (places.first().map_or(0.0, |at| at.0), places.last().map_or(0.0, |at| at.0));
        let area = format!("{first:.1},{0:.1} {line} {last:.1},{0:.1}", scale.bottom());
        let points = series.iter().enumerate().map(|(place, (label, count))| {
            let x = LEFT + step * number(place);
            scale.point(place, (label, *count), (x, TOP), (step, scale.bottom() - TOP))
        });
        let points = points.collect();
        let curve = Some(Curve { line, area });
        Self { id, title: title.into(), caption, points, lines: scale.lines(), curve }
    }
}

/// How figures become places.
struct Scale {
    most: u64,
    count: usize,
}

impl Scale {
    fn of(series: &[(String, u64)]) -> Self {
        let most = series.iter().map(|(_, count)| *count).max().unwrap_or(0);
        Self { most: round_up(most), count: series.len().max(1) }
    }

    fn step(&self) -> f64 {
        (WIDTH - LEFT) / number(self.count)
    }

    const fn bottom(&self) -> f64 {
        HEIGHT - BOTTOM
    }

    fn y(&self, count: u64) -> f64 {
        let share = to_float(count) / to_float(self.most);
        self.bottom() - share * (self.bottom() - TOP)
    }

    fn lines(&self) -> Vec<GridLine> {
        let marks = [0, self.most / 2, self.most];
        let lines = marks.into_iter().map(|count| {
            let y = self.y(count);
            GridLine {
                y: format!("{y:.1}"),
                text_y: format!("{:.1}", y + 4.0),
                label: grouped(count),
            }
        });
        lines.collect()
    }

    fn point(
        &self,
        place: usize,
        (label, count): (&str, u64),
        (x, y): (f64, f64),
        (width, height): (f64, f64),
    ) -> Point {
        let is_labelled = place.is_multiple_of(self.count.div_ceil(LABELS));
        Point {
            label: label.to_owned(),
            short: label.split(' ').take(2).collect::<Vec<_>>().join(" "),
            count: grouped(count),
            x: format!("{x:.1}"),
            y: format!("{y:.1}"),
            width: format!("{width:.1}"),
            height: format!("{height:.1}"),
            below: is_labelled.then(|| format!("{:.1}", x + width / 2.0)),
        }
    }
}

/// The next even number of a kind that reads well on an axis.
fn round_up(most: u64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        for factor in [2, 4, 10] {
            let bound = unit.saturating_mul(factor);
            if most <= bound {
                return bound;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

fn number(place: usize) -> f64 {
    to_float(super::text::size(place))
}

/// Precise for every figure that fits on a screen.
#[expect(clippy::cast_precision_loss, reason = "a place on a screen needs no more digits")]
fn to_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number() {
        let ends = [0, 2, 3, 5, 10, 11, 41, 1_000_001].map(round_up);
        assert_eq!(ends, [2, 2, 4, 10, 10, 20, 100, 2_000_000]);
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_chart_of_nothing_and_of_huge_figures_has_places() {
        for series in [vec![], vec![("today".to_owned(), u64::MAX)]] {
            for chart in [
                Chart::bars("c", "Title", String::new(), &series),
                Chart::curve("c", "Title", String::new(), &series),
            ] {
                let svg = chart.render().unwrap();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
