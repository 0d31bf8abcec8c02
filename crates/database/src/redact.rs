//! Hiding passwords in texts that people read.

/// Returns `text` with the passwords of all URLs in it, and of `password=...`, replaced by `***`.
///
/// For messages that may repeat what somebody wrote: an error that quotes a line of a configuration, or an
/// argument. What stands behind the `?` of a Postgres URL is hidden as a whole, since it may hold a password
/// under several names.
///
/// ```
/// # use systemprompt_database::redact_urls;
/// let error = "line 3: database = postgres://u:hunter2@h/d";
/// assert_eq!(redact_urls(error), "line 3: database = postgres://u:***@h/d");
/// assert_eq!(redact_urls("host=h password=hunter2 dbname=d"), "host=h password=*** dbname=d");
/// ```
pub fn redact_urls(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(end) = rest.find(is_boundary) {
        let (word, behind) = rest.split_at(end);
        redacted.push_str(&redact_word(word));
        let boundary = behind.chars().next();
        redacted.extend(boundary);
        rest = behind.get(boundary.map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    redacted.push_str(&redact_word(rest));
    redacted
}

/// Whether a URL that is mentioned in a text ends before `c`.
fn is_boundary(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "'\"`<>".contains(c)
}

fn redact_word(word: &str) -> String {
    if let Some((scheme, rest)) = word.split_once("://") {
        return format!(
            "{scheme}://{}",
            redact_authority(rest, scheme.ends_with("postgres") || scheme.ends_with("postgresql"))
        );
    }
    let lower = word.to_ascii_lowercase();
    match lower.find("password=") {
        Some(start) => format!("{}***", word.get(..start + "password=".len()).unwrap_or_default()),
        None => word.to_owned(),
    }
}

/// The part of a URL behind `://`.
fn redact_authority(rest: &str, is_postgres: bool) -> String {
    // The last `@`, since people forget to escape those of a password.
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, rest),
    };
    let mut redacted = String::new();
    if let Some(user) = user {
        match user.split_once(':') {
            Some((name, _)) => redacted.push_str(&format!("{name}:***@")),
            None => redacted.push_str(&format!("{user}@")),
        }
    }
    if !is_postgres {
        redacted.push_str(host);
        return redacted;
    }
    let (host, query) = match host.split_once('?') {
        Some((host, _)) => (host, "?***"),
        None => (host, ""),
    };
    let authority = host.split('/').next().unwrap_or_default();
    let looks_like_password = user.is_none()
        && !authority.contains(['[', ','])
        && authority
            .split_once(':')
            .is_some_and(|(_, port)| port.chars().any(|c| !c.is_ascii_digit()));
    // A host was forgotten: `postgres://user:password/name`.
    redacted.push_str(if looks_like_password { "***" } else { host });
    redacted.push_str(query);
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_shows_the_password() {
        for text in [
            "postgres://u:hunter2@h/d",
            "postgres://u:hunter2@h:1,h2:2/d?sslmode=require",
            "postgres://u:p@ss:hunter2@h/d",
            "postgres://u@h/d?password=hunter2",
            "postgresql://h/d?user=u&password=hunter2",
            "postgres://u:hunter2/d",
            "database=postgres://u:hunter2@h/d",
            "3 | database = postgres://u:hunter2@h/d\n  |  ^^^",
            "invalid value 'postgres://u:hunter2@h/d' for '--listen'",
            "host=h PASSWORD=hunter2",
            "http://u:hunter2@127.0.0.1:4318/v1",
        ] {
            let redacted = redact_urls(text);
            assert!(!redacted.contains("hunter2") && redacted.contains("***"), "{redacted}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "",
            "postgres://u@h:5432/d",
            "postgres://h1:1,h2:2/d",
            "postgres://[::1]:5432/d",
            "open http://127.0.0.1:8080/admin, or ask ada@example.com: «ja»",
            "sqlite:///var/lib/users.db?mode=ro",
        ] {
            assert_eq!(redact_urls(text), text);
        }
    }
}
