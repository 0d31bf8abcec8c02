//! What a CSV file with broken rows comes to.

use std::io::Cursor;

use super::*;

const KNOWN: Columns = Columns {
    taken: &["name", "email", "full_name"],
    not_taken_over: &["id"],
    required: &["name"],
    flags: &[],
    lists: &[],
    nulls: &[],
    has_comments: false,
};

fn lines(text: &[u8]) -> Lines {
    Lines::new(Box::new(Cursor::new(text.to_vec())))
}

/// The rows by line: the full name, or what is wrong.
fn rows(text: &[u8]) -> Vec<(u64, String)> {
    let mut lines = lines(text);
    let table = CsvTable::open(&mut lines, &KNOWN).unwrap();
    let mut all = Vec::new();
    while let Some((original, fields)) = table.next(&mut lines).unwrap() {
        let text = match fields {
            Ok(fields) => fields.get("full_name").unwrap_or("-").to_owned(),
            Err(error) => format!("{}: {}", error.field, error.reason),
        };
        all.push((original.line, text));
    }
    all
}

fn row(line: u64, text: &str) -> (u64, String) {
    (line, text.to_owned())
}

#[test]
fn columns_come_in_any_order_and_lines_are_counted() {
    let text = "\u{feff}Full_Name , name\r\n\r\n\"Ada\nLovelace\",ada\r\nÉva,eva\n";
    assert_eq!(rows(text.as_bytes()), [row(3, "Ada\nLovelace"), row(5, "Éva")]);
}

#[test]
fn a_broken_row_takes_no_other_with_it() {
    let never = "row: a quote is opened and never closed";
    let text = b"name,full_name\na,\"open\nb,B\nc,\"C\"\nd,D\n";
    assert_eq!(rows(text), [row(2, never), row(3, "B"), row(4, "C"), row(5, "D")]);
    assert_eq!(rows(b"name,full_name\na,\"open"), [row(2, never)]);
}

#[test]
fn quotes_that_contradict_themselves_are_refused() {
    let broken = "row: something stands behind a closing quote";
    assert_eq!(rows(b"name,full_name\na,\"A\"B\nb,B\n"), [row(2, broken), row(3, "B")]);
}

#[test]
fn a_quote_inside_of_a_field_is_itself() {
    assert_eq!(
        rows(b"name,full_name\na,5\" disk\nb,\"say \"\"hi\"\"\"\n"),
        [row(2, "5\" disk"), row(3, "say \"hi\"")]
    );
}

#[test]
fn bad_bytes_and_wrong_counts_are_bad_rows() {
    let long = [b"e,".to_vec(), vec![b'x'; MAX_LINE], b"\nf,F\n".to_vec()].concat();
    let text = [b"name,full_name\nb\xFF,B\nc\nd,D,D\n".to_vec(), long].concat();
    assert_eq!(
        rows(&text),
        [
            row(2, "name: is not valid UTF-8"),
            row(3, "row: has 1 fields, the header has 2"),
            row(4, "row: has 3 fields, the header has 2"),
            row(5, "row: the line is longer than 64 KiB"),
            row(6, "F"),
        ]
    );
}

#[test]
fn a_header_is_checked_before_anything_else() {
    let check = |text: &[u8]| match CsvTable::open(&mut lines(text), &KNOWN) {
        Err(HeaderError::Refused(message)) => message,
        _ => panic!("it was accepted"),
    };
    assert!(check(b"name,phone,Fax\n").contains("`phone`, `fax`"));
    assert!(check(b"email\n").contains("lacks `name`"));
    assert!(check(b"name,NAME\n").contains("twice"));
    assert!(check(b"").contains("empty"));
}

#[test]
fn refused_rows_are_kept_to_the_letter_and_can_be_read_again() {
    let text = b"name,full_name\na,\"A\nA\"\nb,B,B\n";
    let mut lines_in = lines(text);
    let table = CsvTable::open(&mut lines_in, &KNOWN).unwrap();
    let mut kept = Vec::new();
    table.start_errors(&mut kept).unwrap();
    while let Some((original, _)) = table.next(&mut lines_in).unwrap() {
        table.keep(&original, &RowError::new("name", "is \"bad\", really"), &mut kept).unwrap();
    }
    let expected = "error_line,error_field,error_reason,name,full_name\n\
                    2,name,\"is \"\"bad\"\", really\",a,\"A\nA\"\n\
                    4,name,\"is \"\"bad\"\", really\",b,B,B\n";
    assert_eq!(String::from_utf8(kept.clone()).unwrap(), expected);
    assert_eq!(rows(&kept), [row(2, "A\nA"), row(4, "row: has 6 fields, the header has 5")]);

    // Refused once more, it has the new reason alone.
    let mut again = lines(&kept);
    let table = CsvTable::open(&mut again, &KNOWN).unwrap();
    let mut kept_again = Vec::new();
    table.start_errors(&mut kept_again).unwrap();
    let (original, _) = table.next(&mut again).unwrap().unwrap();
    table.keep(&original, &RowError::new("email", "is taken"), &mut kept_again).unwrap();
    let expected =
        "error_line,error_field,error_reason,name,full_name\n2,email,is taken,a,\"A\nA\"\n";
    assert_eq!(String::from_utf8(kept_again).unwrap(), expected);
}
