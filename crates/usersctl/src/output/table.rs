//! Tables for people. They fit the terminal; where there is none, nothing is wrapped or left out.

use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle,
};

use super::record::Show;
use super::{Column, Record, Terminal, Tone, Value, printable};

/// From this width on a terminal has room for the wide columns.
const WIDE: u16 = 132;

/// A rule below the header and nothing else, so that it can be read, copied and searched.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Many records, one below the other, without the columns of `hide`.
pub(crate) fn table(
    columns: &[Column],
    rows: &[Vec<Value>],
    hide: &[&str],
    header: bool,
    terminal: &Terminal,
) -> String {
    let has_room = terminal.width.is_none_or(|width| width >= WIDE);
    let shown: Vec<bool> = columns
        .iter()
        .map(|column| match column.show {
            Show::Always => !hide.contains(&column.name),
            Show::Wide => has_room && !hide.contains(&column.name),
            Show::Never => false,
        })
        .collect();
    let mut table = empty(terminal);
    if header {
        let names = columns.iter().zip(&shown).filter(|(_, shown)| **shown);
        table.set_header(names.map(|(column, _)| heading(column.name)).collect::<Vec<_>>());
    }
    for values in rows {
        let values = values.iter().zip(&shown).filter(|(_, shown)| **shown);
        table.add_row(values.map(|(value, _)| cell(value)).collect::<Vec<_>>());
    }
    let shown = columns.iter().zip(&shown).filter(|(_, shown)| **shown);
    for (index, (column, _)) in shown.enumerate() {
        if let Some(cells) = table.column_mut(index).filter(|_| column.is_whole) {
            cells.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    finish(table)
}

/// One record, its fields one below the other.
pub(crate) fn details<R: Record>(record: &R, terminal: &Terminal) -> String {
    let mut table = empty(terminal);
    for (column, value) in R::COLUMNS.iter().zip(record.values()) {
        table.add_row(vec![heading(column.name), cell(&value)]);
    }
    finish(table)
}

fn empty(terminal: &Terminal) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).force_no_tty();
    if let Some(width) = terminal.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    if terminal.color {
        table.enforce_styling();
    }
    table
}

fn finish(mut table: Table) -> String {
    // One blank is between columns anyway.
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(index != last)));
    }
    table.trim_fmt()
}

fn heading(name: &str) -> Cell {
    Cell::new(name.replace('_', " ")).add_attribute(Attribute::Bold)
}

fn cell(value: &Value) -> Cell {
    let cell = Cell::new(printable(&value.to_readable()));
    match value {
        Value::Word(_, Tone::Good) => cell.fg(Color::Green),
        Value::Word(_, Tone::Warning) => cell.fg(Color::Yellow),
        Value::Word(_, Tone::Bad) => cell.fg(Color::Red),
        Value::Word(_, Tone::Quiet) | Value::Empty => cell.add_attribute(Attribute::Dim),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wide(String);

    impl Record for Wide {
        const COLUMNS: &'static [Column] =
            &[Column::always("name"), Column::always("long_text"), Column::wide("id")];

        fn values(&self) -> Vec<Value> {
            vec![Value::text("é"), Value::Text(self.0.clone()), Value::Number(7)]
        }
    }

    fn width(line: &str) -> usize {
        line.chars().count()
    }

    #[test]
    fn it_fits_a_terminal_and_keeps_everything() {
        let text = "wörd ".repeat(60) + &"x".repeat(200);
        let terminal = Terminal { width: Some(80), color: false };
        let shown = table(Wide::COLUMNS, &[Wide(text).values()], &[], true, &terminal);
        assert!(shown.lines().all(|line| width(line) <= 80), "{shown}");
        assert_eq!(shown.matches('x').count(), 200 + "text".matches('x').count(), "{shown}");
        assert_eq!(shown.matches("wörd").count(), 60);
        assert!(!shown.contains('7'), "there is no room for wide columns");
    }

    #[test]
    fn what_is_copied_is_not_wrapped() {
        struct Keyed;
        impl Record for Keyed {
            const COLUMNS: &'static [Column] = &[Column::key("id"), Column::always("text")];

            fn values(&self) -> Vec<Value> {
                vec![Value::text("k".repeat(36)), Value::text("t".repeat(90))]
            }
        }
        let terminal = Terminal { width: Some(80), color: false };
        let shown = table(Keyed::COLUMNS, &[Keyed.values()], &[], true, &terminal);
        assert!(shown.contains(&"k".repeat(36)), "{shown}");
        assert!(shown.lines().all(|line| width(line) <= 80), "{shown}");
    }

    #[test]
    fn without_a_terminal_nothing_is_wrapped() {
        let terminal = Terminal { width: None, color: false };
        let shown = table(Wide::COLUMNS, &[Wide("y".repeat(500)).values()], &[], true, &terminal);
        assert_eq!(shown.lines().count(), 3);
        assert!(shown.contains(&"y".repeat(500)) && shown.contains("7"));
    }

    #[test]
    fn colours_only_where_they_are_shown() {
        let row = vec![Value::Word("active".into(), Tone::Good), Value::Empty, Value::Empty];
        for color in [true, false] {
            let terminal = Terminal { width: Some(80), color };
            let shown = table(Wide::COLUMNS, std::slice::from_ref(&row), &[], true, &terminal);
            assert_eq!(shown.contains('\u{1b}'), color, "{shown:?}");
        }
    }
}
