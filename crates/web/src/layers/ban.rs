//! Banned addresses stay outside.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use systemprompt_users_application::{Decision, Requirement};

use super::gate::{Gatekeeper, layer_of_gatekeeper};
use crate::Web;
use crate::client_ip::client_of;
use crate::decision::denied;

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
        let address = client_of(&mut parts, &self.web).map_err(IntoResponse::into_response)?;
        match self.web.decide(address, None, Requirement::Address).await {
            Decision::Allow(_) => Ok(Request::from_parts(parts, body)),
            Decision::Deny(denial) => Err(denied(&denial).into_response()),
        }
    }
}

layer_of_gatekeeper!(BanLayer);
