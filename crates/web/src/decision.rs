//! One question for all layers: may this address, with this session, do this?

use std::net::IpAddr;
use std::sync::Arc;

use systemprompt_users_application::AuthenticatedSession;
use systemprompt_users_domain::{Actor, BanEnd, UserError, UserRole};

use crate::{OnOutage, Web};

/// What a request needs besides an address that is not banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing.
    Address,
    /// A live session of an active user.
    Session,
    /// Such a session of a user who holds this role.
    Role(UserRole),
}

/// Whether a request may pass.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It may, in this session if the token is one's.
    Allow(Option<Arc<AuthenticatedSession>>),
    /// It may not.
    Deny(Refusal),
}

/// Why a request may not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The address is banned until then.
    Banned(BanEnd),
    /// There is no token, or none of a live session of an active user.
    NoSession,
    /// The user does not hold the role.
    NoRole,
    /// The storage does not answer.
    Unavailable,
}

impl Web {
    /// Decides on a request from `address` (`None`: bans are somebody else's matter) with the token of a session.
    pub async fn decide(
        &self,
        address: Option<IpAddr>,
        token: Option<&str>,
        requirement: Requirement,
    ) -> Verdict {
        if let Some(refusal) = self.refuse_address(address).await {
            return Verdict::Deny(refusal);
        }
        let Some(token) = token.filter(|_| requirement != Requirement::Address) else {
            return match requirement {
                Requirement::Address => Verdict::Allow(None),
                _ => Verdict::Deny(Refusal::NoSession),
            };
        };
        match self.sessions(Actor::System).validate(token).await {
            Ok(Some(session)) => match requirement {
                Requirement::Role(role) if !session.user.roles.contains(role) => {
                    Verdict::Deny(Refusal::NoRole)
                }
                _ => Verdict::Allow(Some(Arc::new(session))),
            },
            Ok(None) => Verdict::Deny(Refusal::NoSession),
            Err(error) => {
                outage(&error, "no session could be looked up");
                Verdict::Deny(Refusal::Unavailable)
            }
        }
    }

    async fn refuse_address(&self, address: Option<IpAddr>) -> Option<Refusal> {
        match self.bans(Actor::System).find_ban(address?).await {
            Ok(ban) => ban.map(|ban| Refusal::Banned(ban.until)),
            Err(error) => {
                outage(&error, "no ban could be looked up");
                let refuse = self.options().on_ban_outage == OnOutage::Refuse;
                refuse.then_some(Refusal::Unavailable)
            }
        }
    }
}

fn outage(error: &UserError, message: &'static str) {
    tracing::warn!(error = error as &dyn std::error::Error, message);
}
