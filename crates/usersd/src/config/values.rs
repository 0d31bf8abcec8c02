//! The kinds of values that settings have, as people write them.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use systemprompt_users::IpTarget;
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

/// An address of this machine and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) SocketAddr);

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected =
            "expected an address, no name, and a port, such as 127.0.0.1:8080 or [::1]:8080";
        text.trim().parse().map(Self).map_err(|_| expected)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A network, or an address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network(pub(crate) IpNet);

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The form that bans have, too: `::ffff:10.0.0.0/104` is 10.0.0.0/8.
        let network = text.parse::<IpTarget>().map(|target| Self(target.network()));
        network.map_err(|_| "expected a network such as 10.0.0.0/8, or an address")
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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
as_text!(Listen = "an address and a port, such as \"127.0.0.1:8080\"");
as_text!(Network = "a network such as \"10.0.0.0/8\", or an address");
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
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            (" ::1", "::1/128"),
            ("::ffff:127.0.0.1", "127.0.0.1/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
        }
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("localhost:80".parse::<Listen>().is_err());
        assert_eq!("5/10".parse::<Rate>().unwrap().to_string(), "5/10");
        for bad in ["5", "0/1", "1/0", "1/x"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }
}
