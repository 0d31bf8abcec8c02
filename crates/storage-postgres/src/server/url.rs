//! Reading a URL: the servers that it names, and how they are to be talked to.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::form_urlencoded::{self, Serializer};

use super::options;
use super::target::Target;

/// Why a text is not the URL of a Postgres database. The message names what is wrong and what would be right,
/// and repeats nothing that may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlError(String);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlError {}

/// What a database is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Everything: its servers have to take changes.
    Primary,
    /// What may lag behind.
    Replica,
}

/// What a URL says.
#[derive(Debug)]
pub(crate) struct ServerUrl {
    /// In the order in which they are tried; at least one.
    pub servers: Vec<PgConnectOptions>,
    pub target: Target,
    /// How long one server may take to give a connection.
    pub connect_timeout: Option<Duration>,
    /// How old a connection gets; zero is any age.
    pub max_connection_age: Option<Duration>,
    /// Whether it chooses the name that the server shows.
    pub names_application: bool,
}

const FORM: &str = "expected postgres://user:password@host:port/database, with several hosts \
                    postgres://user:password@host1:port1,host2:port2/database; what is no letter or digit in a \
                    user name or a password is written as %2F for `/`, %3F for `?`, %23 for `#`, %40 for `@`";

impl ServerUrl {
    pub(crate) fn parse(url: &str, purpose: Purpose) -> Result<Self, UrlError> {
        let rest = ["postgres://", "postgresql://"].iter().find_map(|s| url.strip_prefix(s));
        let rest = rest.filter(|rest| !rest.contains('#')).ok_or_else(wrong_form)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        if path.contains(['@', '/']) {
            return Err(wrong_form());
        }
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let mut places = Places::of_authority(hosts)?;
        let mut this = Self {
            servers: Vec::new(),
            target: match purpose {
                Purpose::Primary => Target::ReadWrite,
                Purpose::Replica => Target::Any,
            },
            connect_timeout: None,
            max_connection_age: None,
            names_application: false,
        };
        let mut of_driver = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "host" => places.hosts = list("host", &value)?,
                "hostaddr" => places.addresses = addresses(&value)?,
                "port" => places.ports = ports(&value)?,
                "target_session_attrs" => this.target = target(&value, purpose)?,
                "connect_timeout" => this.connect_timeout = Some(seconds(&name, &value, 1)?),
                "max_connection_age" => this.max_connection_age = Some(seconds(&name, &value, 0)?),
                _ if options::is_of_driver(&name) => {
                    check_of_driver(&name, &value)?;
                    this.names_application |= name == "application_name";
                    of_driver.push((name, value));
                }
                _ => return Err(UrlError(options::unknown(&name))),
            }
        }
        for (host, port) in places.pairs()? {
            let mut query = Serializer::new(String::new());
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            for (option, value) in [("user", name), ("password", password)] {
                if !value.is_empty() {
                    query.append_pair(option, &decoded(value));
                }
            }
            query.extend_pairs(&of_driver);
            if let Some(host) = host {
                query.append_pair("host", &host);
            }
            if let Some(port) = port {
                query.append_pair("port", &port.to_string());
            }
            let single = format!("postgres:///{path}?{}", query.finish());
            // The driver's message may repeat the URL, and with it a password.
            let server = PgConnectOptions::from_str(&single).map_err(|_| wrong_form())?;
            this.servers.push(server);
        }
        Ok(this)
    }
}

/// A host and a port, where they are not the usual ones.
type Place = (Option<String>, Option<u16>);

/// The lists of where the servers are.
#[derive(Default)]
struct Places {
    hosts: Vec<String>,
    addresses: Vec<String>,
    ports: Vec<Option<u16>>,
}

impl Places {
    /// What stands in front of the path.
    fn of_authority(text: &str) -> Result<Self, UrlError> {
        let mut places = Self::default();
        if text.is_empty() {
            return Ok(places);
        }
        for place in text.split(',') {
            let (host, port) = match place.rsplit_once(':') {
                Some((host, port)) if !port.contains(']') => (host, port),
                _ => (place, ""),
            };
            let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            let host = match bracketed {
                Some(address) if address.parse::<Ipv6Addr>().is_ok() => address.to_owned(),
                Some(_) => return Err(wrong_form()),
                None if host.contains([':', '[', ']', '@', ' ']) => return Err(wrong_form()),
                None => decoded(host),
            };
            places.hosts.push(host);
            places.ports.push(match port {
                "" => None,
                port => Some(port_number(port).ok_or_else(wrong_form)?),
            });
        }
        // `postgres://:5433/db` is at the usual host.
        let is_usual = matches!(&*places.hosts, [host] if host.is_empty());
        if is_usual {
            places.hosts.clear();
        } else if places.hosts.iter().any(String::is_empty) {
            return Err(UrlError(
                "a host is missing between two commas: host1:port1,host2:port2".into(),
            ));
        }
        Ok(places)
    }

    /// Where each server is.
    fn pairs(self) -> Result<Vec<Place>, UrlError> {
        // As with libpq, an address goes before a name.
        let hosts = if self.addresses.is_empty() { self.hosts } else { self.addresses };
        let count = hosts.len().max(1);
        let port = |place: usize| match &*self.ports {
            [port] => Some(*port),
            [] => Some(None),
            ports if ports.len() == count => ports.get(place).copied(),
            _ => None,
        };
        let hosts =
            if hosts.is_empty() { vec![None] } else { hosts.into_iter().map(Some).collect() };
        let pairs = hosts.into_iter().enumerate().map(|(place, host)| Some((host, port(place)?)));
        pairs.collect::<Option<_>>().ok_or_else(|| {
            let message = "`port` holds one port for all hosts, or as many as there are hosts: \
                           host=host1,host2&port=5432,5433";
            UrlError(message.into())
        })
    }
}

fn wrong_form() -> UrlError {
    UrlError(FORM.into())
}

/// `%2F` and the like as what they stand for.
fn decoded(text: &str) -> String {
    // A form's `+` is a space, and a host's is not.
    let text = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(text.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

fn list(name: &str, value: &str) -> Result<Vec<String>, UrlError> {
    let items: Vec<_> = value.split(',').map(|item| item.trim().to_owned()).collect();
    if items.iter().any(String::is_empty) {
        return Err(UrlError(format!(
            "`{name}` holds an empty entry; expected {name}=host1,host2"
        )));
    }
    Ok(items)
}

fn addresses(value: &str) -> Result<Vec<String>, UrlError> {
    let items = list("hostaddr", value)?;
    if items.iter().any(|item| item.parse::<IpAddr>().is_err()) {
        let message = "`hostaddr` holds IP addresses, such as hostaddr=192.0.2.1,192.0.2.2; names go into `host`";
        return Err(UrlError(message.into()));
    }
    Ok(items)
}

fn ports(value: &str) -> Result<Vec<Option<u16>>, UrlError> {
    let port = |port: &str| match port.trim() {
        "" => Some(None),
        port => port_number(port).map(Some),
    };
    let ports: Option<_> = value.split(',').map(port).collect();
    ports.ok_or_else(|| {
        UrlError("`port` holds numbers from 1 to 65535, such as port=5432,5433".into())
    })
}

fn port_number(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port > 0)
}

fn target(value: &str, purpose: Purpose) -> Result<Target, UrlError> {
    let target = Target::from_text(value).ok_or_else(|| {
        let known = Target::ALL.map(Target::as_str).join(", ");
        UrlError(format!("`target_session_attrs` is one of {known}"))
    })?;
    let is_for_changes = matches!(target, Target::Any | Target::ReadWrite | Target::Primary);
    if purpose == Purpose::Primary && !is_for_changes {
        return Err(UrlError(format!(
            "`target_session_attrs={}` is for a replica, which has a URL of its own; what is decided and changed \
             needs read-write (which is the default), primary or any",
            target.as_str()
        )));
    }
    Ok(target)
}

fn seconds(name: &str, value: &str, least: u32) -> Result<Duration, UrlError> {
    let seconds = value.parse().ok().filter(|seconds| (least..=31_536_000).contains(seconds));
    seconds.map(|seconds: u32| Duration::from_secs(seconds.into())).ok_or_else(|| {
        UrlError(format!("`{name}` is a whole number of seconds from {least} to 31536000"))
    })
}

/// Refuses what the driver would refuse without a word of what is wrong.
fn check_of_driver(name: &str, value: &str) -> Result<(), UrlError> {
    let message = match name {
        "sslmode" | "ssl-mode" if value.parse::<PgSslMode>().is_err() => {
            format!("`{name}` is one of disable, allow, prefer, require, verify-ca, verify-full")
        }
        "statement-cache-capacity" if value.parse::<usize>().is_err() => {
            format!("`{name}` is a number of statements, such as 100")
        }
        "sslrootcert" | "ssl-root-cert" | "ssl-ca" | "sslcert" | "ssl-cert" | "sslkey"
        | "ssl-key"
            if !value.starts_with("-----BEGIN") && std::fs::File::open(value).is_err() =>
        {
            format!("the file that `{name}` names can't be read")
        }
        _ => return Ok(()),
    };
    Err(UrlError(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<ServerUrl, String> {
        ServerUrl::parse(url, Purpose::Primary).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check(url: &str, expected: &[&str]) {
        let parsed = parse(url).unwrap();
        let places = parsed.servers.iter().map(|server| match server.get_socket() {
            Some(socket) => format!("{}:{}", socket.display(), server.get_port()),
            None => format!("{}:{}", server.get_host(), server.get_port()),
        });
        assert_eq!(places.collect::<Vec<_>>(), expected, "{url}");
        for server in &parsed.servers {
            assert_eq!((server.get_username(), server.get_database()), ("u", Some("d")), "{url}");
        }
    }

    #[test]
    fn hosts_are_read_in_every_form() {
        check("postgres://u:p@h1:1,h2:2/d", &["h1:1", "h2:2"]);
        check("postgresql://u:p@h1,h2:2,h3/d", &["h1:5432", "h2:2", "h3:5432"]);
        check(
            "postgres://u:p@[::1]:1,[2001:db8::1],127.0.0.1:3/d",
            &["::1:1", "2001:db8::1:5432", "127.0.0.1:3"],
        );
        check("postgres://u:p@%2Ftmp%2Fx,h2/d", &["/tmp/x:5432", "h2:5432"]);
        check("postgres://u@/d?host=h1,h2&port=1,2", &["h1:1", "h2:2"]);
        check("postgres:///d?user=u&host=h1,/tmp/x&port=7", &["h1:7", "/tmp/x:7"]);
        check("postgres://u@h/d?hostaddr=192.0.2.1,::1&port=,2", &["192.0.2.1:5432", "::1:2"]);
        check("postgres://u@h1,h2/d?port=6432", &["h1:6432", "h2:6432"]);
        check("postgres://u:p@h1:1/?dbname=d", &["h1:1"]);
        check("postgres://u:p%40%2F%3F:x@h1:1/d?sslmode=require&application_name=a", &["h1:1"]);
    }

    #[test]
    fn the_rest_is_read_too() {
        let url = "postgres://u@h1,h2/d?target_session_attrs=primary&connect_timeout=2\
                   &max_connection_age=60&application_name=a&options[search_path]=x";
        let parsed = parse(url).unwrap();
        assert_eq!(parsed.target, Target::Primary);
        assert_eq!(parsed.connect_timeout, Some(Duration::from_secs(2)));
        assert_eq!(parsed.max_connection_age, Some(Duration::from_secs(60)));
        assert!(parsed.names_application);
        let [first, second] = &*parsed.servers else { panic!("two servers") };
        assert_eq!(first.get_options(), Some("-c search_path=x"));
        assert_eq!(second.get_application_name(), Some("a"));
        assert_eq!(parse("postgres://h/d").unwrap().target, Target::ReadWrite);
        let replica = |url| ServerUrl::parse(url, Purpose::Replica).unwrap().target;
        assert_eq!(replica("postgres://h/d"), Target::Any);
        assert_eq!(
            replica("postgres://h/d?target_session_attrs=prefer-standby"),
            Target::PreferStandby
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, expected) in [
            ("postgres://h/d?sslmod=require", "did you mean `sslmode`?"),
            ("postgres://h/d?sslmode=requires", "verify-full"),
            ("postgres://h/d?sslrootcert=/not/there", "`sslrootcert`"),
            ("postgres://h/d?target_session_attrs=master", "read-write"),
            ("postgres://h/d?target_session_attrs=standby", "replica"),
            ("postgres://h1,h2,h3/d?port=1,2", "as many as there are hosts"),
            ("postgres://h1,,h3/d", "between two commas"),
            ("postgres:///d?host=h1,", "host=host1,host2"),
            ("postgres:///d?hostaddr=localhost", "IP addresses"),
            ("postgres:///d?port=0", "65535"),
            ("postgres://h/d?connect_timeout=0", "seconds"),
            ("postgres://h/d?connect_timeout=2s", "seconds"),
            ("postgres://h/d?max_connection_age=-1", "seconds"),
            ("postgres://h/d?statement-cache-capacity=x", "100"),
            ("postgres://h:x/d", "expected postgres://"),
            ("postgres://[::g]/d", "expected postgres://"),
            ("host=h user=u", "expected postgres://"),
        ] {
            let error = parse(url).unwrap_err();
            assert!(error.contains(expected), "{url}: {error}");
        }
    }

    #[test]
    fn no_message_holds_a_password() {
        for url in [
            "postgres://u:hunter2/x@h/d",
            "postgres://u:12/hunter2@h/d",
            "postgres://u:12?hunter2@h/d",
            "postgres://u:hunter2?x@h/d",
            "postgres://u:hunter2#x@h/d",
            "postgres://u:hunter2@h:x/d",
            "postgres://u:hunter2@h1,,h2/d",
            "postgres://u:%zz@h/d?pasword=x&password=hunter2",
            "postgres://h/d?password=hunter2&sslmode=x",
            "host=h password=hunter2",
            "mysql://u:hunter2@h/d",
            "u:hunter2@h/d",
        ] {
            let error = parse(url).unwrap_err();
            assert!(!error.contains("hunter2"), "{url}: {error}");
        }
    }
}
