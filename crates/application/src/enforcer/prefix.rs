//! Networks as ranges of numbers: the same code for both families of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use systemprompt_users_domain::IpTarget;

/// The bits of an address.
pub(super) trait Bits: Copy + Ord + Send + Sync + 'static {
    /// How many bits there are.
    const LENGTH: u8;
    /// The lowest address.
    const MIN: Self;
    /// The highest address.
    const MAX: Self;

    /// The lowest address of the network of that length that holds this one.
    fn first(self, length: u8) -> Self;

    /// The highest.
    fn last(self, length: u8) -> Self;

    /// The address after this one.
    fn next(self) -> Option<Self>;

    /// The address before this one.
    fn previous(self) -> Option<Self>;
}

macro_rules! bits {
    ($type:ty) => {
        impl Bits for $type {
            const LENGTH: u8 = <$type>::BITS as u8;
            const MIN: Self = <$type>::MIN;
            const MAX: Self = <$type>::MAX;

            fn first(self, length: u8) -> Self {
                self & !host_mask::<Self>(length)
            }

            fn last(self, length: u8) -> Self {
                self | host_mask::<Self>(length)
            }

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }

        impl HostMask for $type {
            fn host_mask(length: u8) -> Self {
                Self::MAX.checked_shr(u32::from(length)).unwrap_or(0)
            }
        }
    };
}

trait HostMask {
    fn host_mask(length: u8) -> Self;
}

fn host_mask<K: HostMask>(length: u8) -> K {
    K::host_mask(length)
}

bits!(u32);
bits!(u128);

/// An address or network of either family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    V4(u32, u8),
    V6(u128, u8),
}

impl From<IpTarget> for Prefix {
    fn from(target: IpTarget) -> Self {
        let network = target.network();
        let length = network.prefix_len();
        match network.addr() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits(), length),
            IpAddr::V6(v6) => Self::V6(v6.to_bits(), length),
        }
    }
}

/// An address in the one form under which it is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Address {
    V4(u32),
    V6(u128),
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(Ipv4Addr::to_bits(v4)),
            IpAddr::V6(v6) => Self::V6(Ipv6Addr::to_bits(v6)),
        }
    }
}
