//! What rows of users mean in each format.

use super::*;

fn read_as(format: TableFormat, text: &str) -> Vec<Result<UserRow, RowError>> {
    let lines = Lines::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())));
    let mut rows = UserRows::open(lines, format).unwrap();
    std::iter::from_fn(|| rows.next().unwrap()).map(|row| row.parsed).collect()
}

fn error(text: &str) -> (String, String) {
    let error = read_as(TableFormat::Json, text).pop().unwrap().unwrap_err();
    (error.field, error.reason)
}

#[test]
fn an_object_is_a_user() {
    let text = r#"{"name": "ada", "email": "ada@example.com", "full_name": null,
        "roles": ["admin", "user"], "is_bot": true, "error_line": 7, "id": "whatever"}"#;
    for text in [format!("# a comment\n\n{}\n", text.replace('\n', " ")), format!("[{text}]")] {
        let rows = read_as(TableFormat::Json, &text);
        let row = rows[0].as_ref().unwrap();
        assert_eq!((row.params.roles.len(), row.params.is_bot), (2, true));
        assert_eq!(row.params.full_name, None);
        assert_eq!((row.status, row.legal_hold), (None, None), "the row does not say");
    }
}

#[test]
fn the_member_at_fault_is_named() {
    assert_eq!(error(r#"{"name": "ada"}"#).0, "email");
    assert_eq!(error(r#"{"name": 7, "email": "a@b.example"}"#).0, "name");
    assert_eq!(error(r#"{"name": "a", "phone": 1}"#).0, "phone");
    assert!(error(r#"{"name": "a", "fax": 1, "phone": 1}"#).1.contains("fax, phone"));
    assert_eq!(error(r#"{"name": "a", "email": "a@b.example", "is_bot": "perhaps"}"#).0, "is_bot");
    assert_eq!(error(r#"{"name": "a", "email": "a@b.example", "roles": ["root"]}"#).0, "roles");
    assert!(
        error(r#"{"name": "a", "name": "b", "email": "a@b.example"}"#).1.contains("`name` twice")
    );
    assert_eq!(error(r#"{"name": "#).0, "row");
}

#[test]
fn refused_lines_are_kept_so_that_they_can_be_read_again() {
    let rows = UserRows::open(Lines::new(Box::new(io::empty())), TableFormat::Json).unwrap();
    let mut kept = Vec::new();
    for bytes in [r#"{"name":"ada","error_line":1}"#, "{oops", "{\"a\":1,\n\"a\":2}"] {
        let original = Original { line: 3, bytes: bytes.into() };
        rows.keep(&original, &RowError::new("email", "is \"missing\""), &mut kept).unwrap();
    }
    let comment = "# error_line=3 error_field=\"email\" error_reason=\"is \\\"missing\\\"\"";
    assert_eq!(
        String::from_utf8(kept).unwrap(),
        format!(
            "{{\"error_field\":\"email\",\"error_line\":3,\"error_reason\":\"is \\\"missing\\\"\",\"name\":\"ada\"}}\n\
             {comment}\n{{oops\n{comment}\n{{\"a\":1, \"a\":2}}\n"
        )
    );
}

#[test]
fn what_spreadsheets_write_is_understood() {
    let table = |delimiter: &str| {
        let rows = "name,email,full_name,,\r\nada,ada@example.com,'=1+1,,\r\n,,,,\r\n\
                    bob,bob@example.com,\"B \"\"C\"\"\",,\r\n\r\n,,,,\r\n";
        rows.replace(',', delimiter)
    };
    for text in [
        table(","),
        table(";"),
        table("\t"),
        table("|"),
        format!("sep=;\r\n{}", table(";")),
        format!("sep=\t\n{}", table("\t")),
        format!("\u{feff}\"sep=,\"\r\n{}", table(",")),
        table(";").replace("\r\n", "\r"),
        table(";").replacen("name;", "\"Name\";", 1),
    ] {
        let found: Vec<_> = read_as(TableFormat::Csv, &text)
            .into_iter()
            .map(|row| row.unwrap().params)
            .map(|params| (params.name, params.full_name.unwrap()))
            .collect();
        let expected = [("ada", "=1+1"), ("bob", "B \"C\"")];
        assert_eq!(
            found,
            expected.map(|(name, text)| (name.to_owned(), text.to_owned())),
            "{text:?}"
        );
    }
    let rows = read_as(
        TableFormat::Csv,
        "name;email;full_name\na;a@example.com;\"x; y\"\nb;b@example.com;,\n",
    );
    let names: Vec<_> =
        rows.into_iter().map(|row| row.unwrap().params.full_name.unwrap()).collect();
    assert_eq!(names, ["x; y", ","]);
}

#[test]
fn a_file_of_another_format_is_called_so() {
    let refused = |format, text: &str| {
        let lines = Lines::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())));
        UserRows::open(lines, format).err().unwrap().to_string()
    };
    for text in ["[{\"name\": \"a\"}]", "{\"name\": \"a\"}\n"] {
        assert!(refused(TableFormat::Csv, text).contains("begins like JSON"), "{text}");
    }
    assert!(refused(TableFormat::Json, "name,email\n").contains("header of a CSV file"));
    assert!(refused(TableFormat::Json, "\"Name\";email\n").contains("header of a CSV file"));
    for format in [TableFormat::Csv, TableFormat::Json] {
        assert!(refused(format, "PK\u{3}\u{4}...").contains(".xlsx"));
    }
    assert!(refused(TableFormat::Csv, "sep=x\nname,email\n").contains("`sep=`"));
}
