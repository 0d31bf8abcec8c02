//! The options of a URL: which there are, and which one was meant.

use strsim::damerau_levenshtein;

/// What the driver understands besides where the server is.
const OF_DRIVER: [&str; 15] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// What is read here. The last two are times in seconds.
const OF_ADAPTER: [&str; 6] =
    ["host", "hostaddr", "port", "target_session_attrs", "connect_timeout", "max_connection_age"];

/// Whether it is for the driver to read.
pub(super) fn is_of_driver(name: &str) -> bool {
    let is_setting = name.starts_with("options[") && name.ends_with(']');
    is_setting || OF_DRIVER.contains(&name)
}

/// The sentence about an option that nobody knows.
pub(super) fn unknown(name: &str) -> String {
    // What does not look like a name may be a part of a password.
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > 40 || !name.bytes().all(is_name) {
        return "behind the `?` stand options, such as `sslmode=require&connect_timeout=3`; a `?`, `#` \
                or `&` in a password is written as %3F, %23 or %26"
            .into();
    }
    let known: Vec<_> = OF_ADAPTER.into_iter().chain(OF_DRIVER).collect();
    let folded = name.to_ascii_lowercase();
    let nearest = known.iter().min_by_key(|known| damerau_levenshtein(&folded, known));
    let meant =
        nearest.filter(|known| damerau_levenshtein(&folded, known) <= 3.min(folded.len() / 2));
    let meant = meant.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
    let known = known.into_iter().filter(|known| !known.starts_with("ssl-"));
    let known: Vec<_> = known.collect();
    format!("the URL option `{name}` is not known{meant} (known are {})", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        for (typed, meant) in [
            ("sslmod", Some("sslmode")),
            ("SSLMODE", Some("sslmode")),
            ("ssl_mode", Some("sslmode")),
            ("target_session_attr", Some("target_session_attrs")),
            ("connection_timeout", Some("connect_timeout")),
            ("pasword", Some("password")),
            ("gssencmode", None),
            ("x", None),
        ] {
            let sentence = unknown(typed);
            let hint = meant.map(|meant| format!("did you mean `{meant}`?"));
            match hint {
                Some(hint) => assert!(sentence.contains(&hint), "{sentence}"),
                None => assert!(!sentence.contains("did you mean"), "{sentence}"),
            }
            assert!(sentence.contains(typed) && sentence.contains("sslrootcert"), "{sentence}");
        }
    }

    #[test]
    fn what_may_be_a_password_is_not_repeated() {
        for typed in ["hunter2@h/d", "", "a b", "päss", &"x".repeat(60)] {
            let sentence = unknown(typed);
            assert!(typed.is_empty() || !sentence.contains(typed), "{sentence}");
        }
    }
}
