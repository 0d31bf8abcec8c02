//! Networks as in lists that people share, the addresses that are asked about, and the table that others would use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use systemprompt_users::BanEnd;

/// How many addresses are asked about: more than fit into the processor's first caches.
const ASKED: u64 = 1 << 16;

/// Numbers without a visible order, the same in every run.
pub(crate) fn scramble(n: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Network `n`: three of four are IPv4, and most are one address.
pub(crate) fn network(n: u32) -> IpNet {
    let bits = scramble(u64::from(n));
    let pick = (bits >> 40) % 10;
    if n % 4 == 3 {
        let length = [48, 56, 64, 64, 64, 64, 128, 128, 128, 128][pick as usize];
        let high = 0x2000 << 112 | u128::from(bits % (1 << 45)) << 67;
        let address = Ipv6Addr::from_bits(high | u128::from(scramble(bits)));
        IpNet::V6(Ipv6Net::new(address, length).expect("a length")).trunc()
    } else {
        let length = [20, 22, 24, 24, 32, 32, 32, 32, 32, 32][pick as usize];
        let address = Ipv4Addr::from_bits(bits as u32);
        IpNet::V4(Ipv4Net::new(address, length).expect("a length")).trunc()
    }
}

/// Addresses to ask about: every other one lies in one of the first `networks` networks. None is the loopback,
/// which is never banned.
pub(crate) fn addresses(networks: u32) -> Vec<IpAddr> {
    let address = |n: u64| {
        let inside = network(scramble(n) as u32 % networks);
        match inside.addr() {
            inside if n.is_multiple_of(2) => inside,
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(scramble(!n) as u32)),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() ^ (1 << 90))),
        }
    };
    (0..ASKED).map(address).filter(|address| !address.is_loopback()).collect()
}

/// The bare prefix table: the longest prefix, and when its ban ends.
pub(crate) struct Bare {
    v4: PrefixMap<Ipv4Net, BanEnd>,
    v6: PrefixMap<Ipv6Net, BanEnd>,
}

impl Bare {
    /// Of the first `networks` networks.
    pub(crate) fn new(networks: u32) -> Self {
        let mut bare = Self { v4: PrefixMap::new(), v6: PrefixMap::new() };
        for n in 0..networks {
            match network(n) {
                IpNet::V4(v4) => drop(bare.v4.insert(v4, BanEnd::Never)),
                IpNet::V6(v6) => drop(bare.v6.insert(v6, BanEnd::Never)),
            }
        }
        bare
    }

    /// The ban of the longest prefix that covers an address.
    pub(crate) fn find(&self, address: IpAddr) -> Option<BanEnd> {
        match address {
            IpAddr::V4(v4) => self.v4.get_lpm(&v4.into()).map(|(_, end)| *end),
            IpAddr::V6(v6) => self.v6.get_lpm(&v6.into()).map(|(_, end)| *end),
        }
    }
}
