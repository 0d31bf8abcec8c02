//! Merging one user into another.

use axum::Json;
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{MergeOptions, MergeResult, UserId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::UserBody;
use super::params::{UserChange, UserPath};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem, MatchProblem};
use crate::api::etag::IfMatch;
use crate::auth::Admin;
use crate::{JsonBody, Problem};

/// Into whom a user is merged, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MergeRequest)]
pub(super) struct MergeBody {
    /// The id of the user that stays.
    into: Uuid,
    /// Let live sessions go on as sessions of the user that stays. Ordinarily they are ended.
    #[serde(default)]
    keep_sessions: bool,
    /// Give the user that stays the roles of the other one too. Ordinarily a merge gains no roles.
    #[serde(default)]
    gain_roles: bool,
}

/// What a merge moved.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Merge)]
pub(super) struct MergedBody {
    /// Who is gone; its id still resolves to the target.
    source: Uuid,
    /// Who has it all now.
    target: UserBody,
    /// How many sessions moved, live or over.
    sessions_moved: u64,
    /// How many live sessions of the source were ended.
    sessions_ended: u64,
    /// How many facts of ban ledgers are associated with the target now.
    bans_moved: u64,
}

impl From<&MergeResult> for MergedBody {
    fn from(merge: &MergeResult) -> Self {
        Self {
            source: merge.source.as_uuid(),
            target: (&merge.target).into(),
            sessions_moved: merge.sessions_moved,
            sessions_ended: merge.sessions_ended,
            bans_moved: merge.bans_moved,
        }
    }
}

/// Merges a live user into another one: its sessions and bans move, blanks of the target are filled, and it is
/// deleted. `If-Match` is about the user that goes.
#[utoipa::path(
    post,
    path = "/users/{id}/merge",
    tag = "users",
    params(UserPath, IfMatch),
    request_body = MergeBody,
    responses(
        (status = 200, body = MergedBody, description = "What moved"),
        AnyProblem, BodyProblem, ChangeProblem, MatchProblem,
    ),
)]
pub(super) async fn merge_user(
    change: UserChange<Admin>,
    JsonBody(body): JsonBody<MergeBody>,
) -> Result<Json<MergedBody>, Problem> {
    let options = MergeOptions { keep_sessions: body.keep_sessions, gain_roles: body.gain_roles };
    let merge = change.users.merge_users(change.id, UserId::from_uuid(body.into), options).await?;
    Ok(Json((&merge).into()))
}
