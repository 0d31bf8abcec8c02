//! Where spans go: the address of an OpenTelemetry collector.

use std::fmt;

use url::Url;

use crate::failure::Failure;

/// The setting that this is the value of.
const SETTING: &str = "otlp_endpoint";

/// A collector that takes OTLP over HTTP. Holds no secret: headers with credentials come from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Collector(Url);

impl Collector {
    /// Reads an address such as `http://127.0.0.1:4318`. The refusals do not repeat it: it may hold a password.
    pub(super) fn of(text: &str) -> Result<Self, Failure> {
        if cfg!(not(feature = "otlp")) {
            return Err(refused(
                "this usersd was built without the feature `otlp`; leave the setting out, or build with \
                 `cargo build --release -p systemprompt-usersd --features otlp`",
            ));
        }
        let expected = "expected the address of a collector, such as http://127.0.0.1:4318";
        let url = Url::parse(text.trim()).map_err(|_| refused(expected))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(refused(expected));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("no password here; OTEL_EXPORTER_OTLP_HEADERS takes credentials"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("expected nothing behind the path"));
        }
        Ok(Self(url))
    }
}

/// With the path where collectors take spans, which may be given or left out.
impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.0.as_str().trim_end_matches('/');
        let base = base.strip_suffix("/v1/traces").unwrap_or(base);
        write!(f, "{base}/v1/traces")
    }
}

fn refused(message: &str) -> Failure {
    Failure::setting(SETTING, message)
}

#[cfg(all(test, feature = "otlp"))]
mod tests {
    use super::*;

    #[test]
    fn the_path_may_be_left_out() {
        for (text, shown) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            (" http://collector:4318/ ", "http://collector:4318/v1/traces"),
            ("https://host/otlp", "https://host/otlp/v1/traces"),
            ("https://host/otlp/v1/traces", "https://host/otlp/v1/traces"),
        ] {
            assert_eq!(Collector::of(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_collector_is_refused_and_not_repeated() {
        for bad in [
            "",
            "127.0.0.1:4318",
            "grpc://hunter2:4317",
            "http://u:hunter2@h",
            "http://hunter2@h",
            "http://h/?key=hunter2",
            "http://h/#hunter2",
        ] {
            let Failure::Config(message) = Collector::of(bad).unwrap_err() else { panic!("{bad}") };
            assert!(
                message.starts_with("otlp_endpoint: ") && !message.contains("hunter2"),
                "{message}"
            );
        }
    }
}
