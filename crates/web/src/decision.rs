//! One question for all layers: may this address, with this session, do this?

use std::net::IpAddr;

use axum::http::StatusCode;
use systemprompt_users_application::{Access, Decision, Denial, DenyReason, Requirement};

use crate::{OnOutage, Problem, Web};

impl Web {
    /// Decides on a request from `address` with the token of a session. While the storage can't be asked it
    /// denies, but for what needs no session, where the options say.
    pub async fn decide(
        &self,
        address: IpAddr,
        token: Option<&str>,
        requirement: Requirement,
    ) -> Decision {
        let decision = self.enforcer().decide(address, token, requirement).await;
        let is_outage =
            decision.denial().is_some_and(|denial| denial.reason == DenyReason::Unavailable);
        let may_pass = requirement == Requirement::Address
            && token.is_none()
            && self.options().on_ban_outage == OnOutage::Allow;
        if is_outage && may_pass {
            return Decision::Allow(Access { session: None });
        }
        decision
    }

    /// Decides with the first of these tokens that is a session's. Browsers send all cookies of one name, and another
    /// host of the same domain may have set the first one.
    pub(crate) async fn decide_by_any<'a>(
        &self,
        address: IpAddr,
        mut tokens: impl Iterator<Item = &'a str>,
        requirement: Requirement,
    ) -> Decision {
        let mut token = tokens.next();
        loop {
            let decision = self.decide(address, token, requirement).await;
            let is_nobodys = match &decision {
                Decision::Allow(access) => access.session.is_none(),
                Decision::Deny(denial) => denial.reason == DenyReason::InvalidSession,
            };
            token = tokens.next();
            if token.is_none() || !is_nobodys {
                return decision;
            }
        }
    }
}

/// What a client is told whose request was denied.
pub(crate) fn denied(denial: &Denial) -> Problem {
    match denial.reason {
        DenyReason::Banned => {
            let problem = Problem::new(StatusCode::FORBIDDEN, "banned", "This address is banned");
            match denial.until {
                Some(until) => problem.until(until),
                None => problem.detail("it stays so until the ban is lifted"),
            }
        }
        DenyReason::NoToken => Problem::unauthorized("nobody is signed in"),
        DenyReason::InvalidSession => Problem::unauthorized("the credentials are not valid"),
        DenyReason::MissingRole => Problem::forbidden("the user does not hold the role"),
        _ => Problem::unavailable(),
    }
}
