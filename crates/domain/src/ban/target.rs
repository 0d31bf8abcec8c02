//! What can be banned: one address or a network, in one spelling.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::UserError;

/// An address or a network in canonical form. An address is the network of its full length.
///
/// ```
/// # use systemprompt_users_domain::IpTarget;
/// for (spelling, canonical) in [
///     ("2001:DB8::1", "2001:db8::1"),
///     ("::ffff:1.2.3.4", "1.2.3.4"),
///     ("1.2.3.4/32", "1.2.3.4"),
///     ("10.1.2.3/8", "10.0.0.0/8"),
///     ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
/// ] {
///     assert_eq!(spelling.parse::<IpTarget>()?.to_string(), canonical);
/// }
/// assert!("10.0.0.256".parse::<IpTarget>().is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpTarget(IpNet);

/// The bits of `::ffff:0:0/96`, under which IPv6 writes IPv4 addresses.
const MAPPED_PREFIX: u8 = 96;

impl IpTarget {
    /// The canonical form of a network.
    pub fn new(network: IpNet) -> Self {
        let network = network.trunc();
        if let IpNet::V6(v6) = network
            && v6.prefix_len() >= MAPPED_PREFIX
            && let Some(v4) = v6.addr().to_ipv4_mapped()
            && let Ok(v4) = Ipv4Net::new(v4, v6.prefix_len() - MAPPED_PREFIX)
        {
            return Self(IpNet::V4(v4.trunc()));
        }
        Self(network)
    }

    /// The network.
    pub const fn network(&self) -> IpNet {
        self.0
    }

    /// The address, where it is one address.
    pub fn address(&self) -> Option<IpAddr> {
        self.is_address().then(|| self.0.addr())
    }

    /// Whether it is one address.
    pub fn is_address(&self) -> bool {
        self.0.prefix_len() == self.0.max_prefix_len()
    }

    /// Whether `other` lies in it; it lies in itself.
    pub fn contains(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether it lies in 127.0.0.0/8 or is ::1.
    pub fn is_loopback(&self) -> bool {
        match self.0 {
            IpNet::V4(v4) => v4.addr().is_loopback() && v4.prefix_len() >= 8,
            IpNet::V6(v6) => v6.addr() == Ipv6Addr::LOCALHOST && v6.prefix_len() == 128,
        }
    }

    /// What to say of a network that is written by an address inside of it, as `203.0.113.7/8` is: whoever meant
    /// the one address would not notice otherwise. `None` for everything else.
    ///
    /// ```
    /// # use systemprompt_users_domain::IpTarget;
    /// let note = IpTarget::host_bits("203.0.113.7/8").unwrap_or_default();
    /// assert!(note.contains("203.0.0.0/8") && note.contains("203.0.113.7"));
    /// assert_eq!(IpTarget::host_bits("203.0.0.0/8"), None);
    /// ```
    pub fn host_bits(text: &str) -> Option<String> {
        let text = text.trim();
        let target: Self = text.parse().ok()?;
        let typed: IpAddr = text.split_once('/')?.0.parse().ok()?;
        let first = target.0.addr();
        let address = if first.is_ipv4() { typed.to_canonical() } else { typed };
        (address != first).then(|| {
            format!(
                "`{text}` is taken as the network {target}; for the one address write {address}"
            )
        })
    }

    /// Itself and every network that contains it, the narrowest first: at most 33 for IPv4, 129 for IPv6.
    pub fn covering(&self) -> impl Iterator<Item = Self> + use<> {
        std::iter::successors(Some(self.0), IpNet::supernet).map(Self)
    }
}

impl From<IpAddr> for IpTarget {
    fn from(address: IpAddr) -> Self {
        Self(IpNet::from(address.to_canonical()))
    }
}

impl From<IpNet> for IpTarget {
    fn from(network: IpNet) -> Self {
        Self::new(network)
    }
}

impl FromStr for IpTarget {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let invalid = || UserError::InvalidIp(text.chars().take(64).collect());
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.into());
        }
        let (address, length) = text.split_once('/').ok_or_else(invalid)?;
        let plain = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length: u8 = length.parse().ok().filter(|_| plain).ok_or_else(invalid)?;
        let network = match address.parse().map_err(|_| invalid())? {
            IpAddr::V4(v4) => Ipv4Net::new(v4, length).map(IpNet::V4),
            IpAddr::V6(v6) => Ipv6Net::new(v6, length).map(IpNet::V6),
        };
        network.map(Self::new).map_err(|_| invalid())
    }
}

impl TryFrom<&str> for IpTarget {
    type Error = UserError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<&String> for IpTarget {
    type Error = UserError;

    fn try_from(text: &String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for IpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => address.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

impl serde::Serialize for IpTarget {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for IpTarget {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            " ",
            "localhost",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.4:80",
            "[::1]",
            "::1%eth0",
            "1.2.3.4/33",
            "1.2.3.4/-1",
            "1.2.3.4/+8",
            "1.2.3.4/",
            "::/129",
            "1.2.3.4/8/8",
            "0x7f.1",
        ] {
            assert!(matches!(bad.parse::<IpTarget>(), Err(UserError::InvalidIp(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_network_above_the_mapped_range_stays_ipv6() {
        let above: IpTarget = "::ffff:0:0/95".parse().unwrap();
        assert_eq!(above.to_string(), "::fffe:0:0/95");
        let all: IpTarget = "::ffff:0:0/96".parse().unwrap();
        assert_eq!(all.to_string(), "0.0.0.0/0");
    }

    #[test]
    fn loopback_is_what_it_is() {
        for (text, loopback) in [
            ("127.9.9.9", true),
            ("127.0.0.0/8", true),
            ("::1", true),
            ("0.0.0.0/0", false),
            ("::/0", false),
        ] {
            assert_eq!(text.parse::<IpTarget>().unwrap().is_loopback(), loopback, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_comes_back_and_is_canonical(bits: u128, length in 0u8..=128, v4: bool) {
            let target = if v4 {
                let bits = (bits >> 96) as u32;
                IpTarget::new(Ipv4Net::new(bits.into(), length % 33).unwrap().into())
            } else {
                IpTarget::new(Ipv6Net::new(bits.into(), length).unwrap().into())
            };
            prop_assert_eq!(target.to_string().parse::<IpTarget>().unwrap(), target);
            prop_assert_eq!(IpTarget::new(target.network()), target);
            for wider in target.covering() {
                prop_assert!(wider.contains(&target));
            }
            prop_assert!(target.covering().count() <= 129);
        }
    }
}
