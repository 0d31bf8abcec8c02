//! A script for pgbench, made of the statements that the adapter sends.
//!
//! The statements stand in it as they are, with `$1`. A comment before them says what pgbench puts there:
//! `-- $1: expression`, continued by `--   ` on the next line.

/// A script.
pub(crate) struct Script {
    /// With the expressions in it.
    pub(crate) text: String,
    /// The statements alone, as the adapter sends them.
    statements: Vec<String>,
}

impl Script {
    pub(crate) fn parse(source: &str) -> Self {
        let mut script = Self { text: String::new(), statements: Vec::new() };
        let mut values: Vec<(String, String)> = Vec::new();
        let mut statement = String::new();
        for line in source.lines() {
            if let Some((place, value)) =
                line.strip_prefix("-- $").and_then(|rest| rest.split_once(": "))
            {
                values.push((format!("${place}"), value.to_owned()));
            } else if let Some(more) = line.strip_prefix("--   ") {
                let (_, value) = values.last_mut().expect("an expression to continue");
                value.push(' ');
                value.push_str(more);
            } else if line.starts_with('\\') {
                script.text.push_str(line);
                script.text.push('\n');
            } else if !line.starts_with("--") {
                statement.push_str(line);
                statement.push('\n');
                if line.ends_with(';') {
                    script.push(&statement, &values);
                    statement.clear();
                    values.clear();
                }
            }
        }
        assert!(statement.trim().is_empty(), "a statement without an end: {statement}");
        script
    }

    fn push(&mut self, statement: &str, values: &[(String, String)]) {
        self.statements.push(in_one_line(statement.trim_end().trim_end_matches(';')));
        let mut text = statement.to_owned();
        // From the last on, since `$1` is how `$10` begins.
        for (place, value) in values.iter().rev() {
            assert!(text.contains(place.as_str()), "{place} is not in {text}");
            text = text.replace(place, &format!("({value})"));
        }
        assert!(!text.contains('$'), "no expression for a parameter of {text}");
        self.text.push_str(&text);
    }

    /// Refuses to measure beside something else than what was sent.
    pub(crate) fn check(&self, name: &str, sent: &[String]) {
        let sent: Vec<String> = sent.iter().map(|statement| in_one_line(statement)).collect();
        if sent != self.statements {
            let unexpected: Vec<_> =
                sent.iter().filter(|statement| !self.statements.contains(statement)).collect();
            let missing: Vec<_> =
                self.statements.iter().filter(|statement| !sent.contains(statement)).collect();
            panic!(
                "the script of `{name}` is not what the adapter does any more.\n\
                 It sends these, which the script has not: {unexpected:#?}\n\
                 The script has these, which are not sent: {missing:#?}\nAll that it sends: {sent:#?}"
            );
        }
    }
}

fn in_one_line(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}
