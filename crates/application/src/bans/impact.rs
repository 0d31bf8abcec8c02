//! What a ban would hit that is hardly meant: whoever asks for it, admins who are signed in, a large part of all addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;
use systemprompt_users_domain::{
    IpTarget, PageLimit, PageRequest, Result, SessionFilter, SessionOrder, UserError, UserFilter,
    UserOrder, UserRole, UserStatus,
};

use super::BanService;

/// An IPv4 network of fewer bits is wide.
pub const WIDE_IPV4_PREFIX: u8 = 8;

/// An IPv6 network of fewer bits is wide.
pub const WIDE_IPV6_PREFIX: u8 = 16;

/// How many live sessions of each admin are looked at, those used last. The admins are the 1,000 seen last.
const SESSIONS_PER_ADMIN: i64 = 100;

/// What a ban would hit that is hardly meant, whether or not the allow-list keeps it from that today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BanImpact {
    /// What is to be banned.
    pub target: IpTarget,
    /// The address of whoever asks for the ban, if the target covers it.
    pub own_address: Option<IpAddr>,
    /// How many live sessions of admins were started from an address that the target covers: of the 1,000 admins seen last, the
    /// 100 sessions used last.
    pub admin_sessions: u32,
    /// Whether it is a network wider than [`WIDE_IPV4_PREFIX`] or [`WIDE_IPV6_PREFIX`].
    pub is_wide: bool,
}

impl BanImpact {
    fn new(target: IpTarget, own: Option<IpTarget>, admins: &BTreeMap<IpTarget, u32>) -> Self {
        let own = own.filter(|own| target.contains(own));
        // A network comes right before its addresses.
        let hit = admins.range(target..).take_while(|(address, _)| target.contains(address));
        Self {
            target,
            own_address: own.and_then(|own| own.address()),
            admin_sessions: hit.map(|(_, sessions)| sessions).sum(),
            is_wide: target.network().prefix_len() < wide_below(&target),
        }
    }

    /// Whether the ban hits nothing that has to be confirmed.
    pub const fn is_harmless(&self) -> bool {
        self.own_address.is_none() && self.admin_sessions == 0 && !self.is_wide
    }

    /// Refuses a ban that was not confirmed.
    ///
    /// # Errors
    /// `Unconfirmed`, with what would be hit, unless it is harmless.
    pub fn check(&self) -> Result<()> {
        if self.is_harmless() { Ok(()) } else { Err(UserError::Unconfirmed(self.to_string())) }
    }
}

impl fmt::Display for BanImpact {
    /// What would be hit, such as `a ban of 0.0.0.0/0 hits a network wider than /8, 1 live session of an admin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hits = Vec::new();
        if let Some(own) = self.own_address {
            hits.push(format!("your own address {own}"));
        }
        match self.admin_sessions {
            0 => {}
            1 => hits.push("1 live session of an admin".to_owned()),
            more => hits.push(format!("{more} live sessions of admins")),
        }
        if self.is_wide {
            hits.push(format!("a network wider than /{}", wide_below(&self.target)));
        }
        let hits = if hits.is_empty() { "nothing unusual".to_owned() } else { hits.join(", ") };
        write!(f, "a ban of {} hits {hits}", self.target)
    }
}

fn wide_below(target: &IpTarget) -> u8 {
    if target.network().max_prefix_len() == 32 { WIDE_IPV4_PREFIX } else { WIDE_IPV6_PREFIX }
}

impl BanService {
    /// What a ban of `target` would hit that is hardly meant, for whoever asks from the address `own`.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn ban_impact(&self, target: IpTarget, own: Option<IpAddr>) -> Result<BanImpact> {
        let admins = self.admin_addresses().await?;
        Ok(BanImpact::new(target, own.map(IpTarget::from), &admins))
    }

    /// [`ban_impact`](Self::ban_impact) of each of these targets, in their order.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn ban_impacts(
        &self,
        targets: &[IpTarget],
        own: Option<IpAddr>,
    ) -> Result<Vec<BanImpact>> {
        let admins = self.admin_addresses().await?;
        let own = own.map(IpTarget::from);
        Ok(targets.iter().map(|target| BanImpact::new(*target, own, &admins)).collect())
    }

    /// The addresses that admins are signed in from, with how many sessions.
    async fn admin_addresses(&self) -> Result<BTreeMap<IpTarget, u32>> {
        let mut unit = self.context.read().await?;
        let filter = UserFilter {
            statuses: vec![UserStatus::Active],
            ..UserFilter::by_role(UserRole::Admin)
        };
        let page = PageRequest { after: None, limit: PageLimit::MAX };
        let admins = unit.users().list(&filter, UserOrder::RecentlyActive, &page).await?;
        let page = PageRequest::new(SESSIONS_PER_ADMIN)?;
        let now = self.context.now();
        let mut addresses = BTreeMap::new();
        for admin in admins.items {
            let filter = SessionFilter { user_id: Some(admin.id), live_at: Some(now) };
            let order = SessionOrder::RecentlyActive;
            let sessions = unit.sessions().list(&filter, order, &page).await?.items;
            for address in sessions.iter().filter_map(|session| session.ip) {
                *addresses.entry(IpTarget::from(address)).or_default() += 1;
            }
        }
        Ok(addresses)
    }
}
