//! Banned addresses stay outside.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use systemprompt_users_domain::BanEnd;

use super::gate::{Gatekeeper, layer_of_gatekeeper};
use crate::client_ip::client_of;
use crate::decision::{Refusal, Requirement, Verdict};
use crate::{Problem, Web};

/// A layer that answers 403 to banned addresses, and 503 to any while nobody can say who is banned and the
/// options say to refuse.
#[derive(Debug, Clone)]
pub struct BanLayer {
    web: Web,
}

impl BanLayer {
    /// Over the bans of `web`.
    pub const fn new(web: Web) -> Self {
        Self { web }
    }
}

impl Gatekeeper for BanLayer {
    async fn pass(&self, request: Request) -> Result<Request, Response> {
        let (mut parts, body) = request.into_parts();
        let address = client_of(&mut parts, &self.web)
            .map_err(axum::response::IntoResponse::into_response)?;
        match self.web.decide(Some(address), None, Requirement::Address).await {
            Verdict::Allow(_) => Ok(Request::from_parts(parts, body)),
            Verdict::Deny(Refusal::Banned(until)) => Err(banned(until).into_response()),
            Verdict::Deny(_) => Err(Problem::unavailable().into_response()),
        }
    }
}

layer_of_gatekeeper!(BanLayer);

/// What a banned client is told.
pub(crate) fn banned(until: BanEnd) -> Problem {
    let problem = Problem::new(StatusCode::FORBIDDEN, "banned", "This address is banned");
    match until {
        BanEnd::At(until) => problem.until(until),
        BanEnd::Never => problem.detail("it stays so until the ban is lifted"),
    }
}
