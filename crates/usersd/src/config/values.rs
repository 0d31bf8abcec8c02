//! The kinds of values that settings have, as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use systemprompt_users_web::{OnOutage, ProxyHeader, RateLimit};

/// A time such as `500ms`, `30s`, `5m` or `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || "expected a time such as 500ms, 30s, 5m or 1h, up to a day".to_owned();
        let text = text.trim();
        let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(malformed)?;
        let (count, unit) = text.split_at_checked(unit).ok_or_else(malformed)?;
        let count: u32 = count.parse().map_err(|_| malformed())?;
        let unit = match unit.trim() {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(malformed()),
        };
        let span = unit.checked_mul(count).filter(|span| *span <= Duration::from_secs(86_400));
        span.map(Self).ok_or_else(malformed)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        if milliseconds.is_multiple_of(1000) {
            write!(f, "{}s", milliseconds / 1000)
        } else {
            write!(f, "{milliseconds}ms")
        }
    }
}

/// So many a second, and so many at once: `100/200`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    per_second: u32,
    burst: u32,
}

impl Rate {
    pub(crate) const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = text.split_once('/').and_then(|(per_second, burst)| {
            Some(Self::new(per_second.trim().parse().ok()?, burst.trim().parse().ok()?))
        });
        rate.filter(|rate| rate.per_second > 0 && rate.burst > 0)
            .ok_or_else(|| "expected requests a second and at once, such as 100/200".to_owned())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.per_second, self.burst)
    }
}

impl From<Rate> for RateLimit {
    fn from(rate: Rate) -> Self {
        Self::new(rate.per_second, rate.burst)
    }
}

/// A file holds such a value as a string, as flags do; another kind of value is answered with what is expected.
macro_rules! as_text {
    ($name:ident = $expected:literal) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}
pub(super) use as_text;

as_text!(Span = "a time such as \"500ms\", \"30s\", \"5m\" or \"1h\"");
as_text!(Rate = "requests a second and at once, such as \"100/200\"");

/// What an outage of the storage means for bans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outage {
    /// Nobody gets in.
    Refuse,
    /// Everybody gets in.
    Allow,
}

impl From<Outage> for OnOutage {
    fn from(outage: Outage) -> Self {
        match outage {
            Outage::Refuse => Self::Refuse,
            Outage::Allow => Self::Allow,
        }
    }
}

/// Where a proxy tells the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Proxy {
    /// X-Forwarded-For
    XForwardedFor,
    /// Forwarded (RFC 7239)
    Forwarded,
}

impl From<Proxy> for ProxyHeader {
    fn from(proxy: Proxy) -> Self {
        match proxy {
            Proxy::XForwardedFor => Self::XForwardedFor,
            Proxy::Forwarded => Self::Forwarded,
        }
    }
}

/// What a host does that is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WhenBehind {
    /// It asks the storage each time.
    AskStorage,
    /// It refuses.
    Refuse,
}

impl From<WhenBehind> for systemprompt_users::WhenBehind {
    fn from(when_behind: WhenBehind) -> Self {
        match when_behind {
            WhenBehind::AskStorage => Self::AskStorage,
            WhenBehind::Refuse => Self::Refuse,
        }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rates_are_read_as_they_are_shown() {
        for (text, shown) in [("500ms", "500ms"), (" 90 s", "90s"), ("2m", "120s"), ("1h", "3600s")]
        {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), shown);
        }
        for bad in ["", "30", "s", "-1s", "1d", "9999999999h", "25h", "30 ſ"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
        assert_eq!("5/10".parse::<Rate>().unwrap().to_string(), "5/10");
        for bad in ["5", "0/1", "1/0", "1/x"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }
}
