//! Many users at once: the same as one by one, in one unit of work, with a result for each.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{BulkItem, BulkOutcome, BulkReport, UserId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::RegisteredRole;
use super::lifecycle::LiveStatus;
use super::params::users_of;
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::auth::{Authorized, Write};
use crate::{JsonBody, Problem, Web};

/// Whom to suspend or activate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkStatus)]
pub(super) struct BulkStatusBody {
    /// The users.
    #[schema(max_items = 10000)]
    ids: Vec<Uuid>,
    /// The status that they get.
    status: LiveStatus,
}

/// Whom to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkDelete)]
pub(super) struct BulkDeleteBody {
    /// The users.
    #[schema(max_items = 10000)]
    ids: Vec<Uuid>,
}

/// Whom to give a role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkRole)]
pub(super) struct BulkRoleBody {
    /// The users.
    #[schema(max_items = 10000)]
    ids: Vec<Uuid>,
    /// The role that they get.
    role: RegisteredRole,
}

/// What became of each user, in the order of the ids.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkReport)]
pub(super) struct BulkReportBody {
    /// How many were changed.
    done: usize,
    /// How many were that way already.
    unchanged: usize,
    /// How many were refused.
    refused: usize,
    /// One for each id.
    items: Vec<BulkItemBody>,
}

/// What became of one user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkItem)]
pub(super) struct BulkItemBody {
    /// Which.
    id: Uuid,
    /// What happened.
    outcome: BulkOutcomeBody,
    /// Why it was refused: the code of the problem that the single operation answers.
    #[schema(required = true)]
    code: Option<&'static str>,
    /// The same for people.
    #[schema(required = true)]
    reason: Option<String>,
}

/// What happened to one user.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BulkOutcome)]
pub(super) enum BulkOutcomeBody {
    /// It was changed.
    Done,
    /// It was that way already.
    Unchanged,
    /// It was left as it was.
    Refused,
}

impl From<BulkReport<BulkItem>> for BulkReportBody {
    fn from(report: BulkReport<BulkItem>) -> Self {
        let (done, unchanged, refused) = (report.done(), report.unchanged(), report.refused());
        let items = report.items.into_iter().map(BulkItemBody::from).collect();
        Self { done, unchanged, refused, items }
    }
}

impl From<BulkItem> for BulkItemBody {
    fn from(item: BulkItem) -> Self {
        let (outcome, error) = match &item.outcome {
            BulkOutcome::Done => (BulkOutcomeBody::Done, None),
            BulkOutcome::Unchanged => (BulkOutcomeBody::Unchanged, None),
            BulkOutcome::Refused(error) => (BulkOutcomeBody::Refused, Some(error)),
        };
        Self {
            id: item.id.as_uuid(),
            outcome,
            code: error.map(|error| error.code()),
            reason: error.map(ToString::to_string),
        }
    }
}

/// Suspends or activates many users. Suspending ends their sessions.
#[utoipa::path(
    post,
    path = "/users/bulk/status",
    tag = "bulk",
    request_body = BulkStatusBody,
    responses((status = 200, body = BulkReportBody, description = "What became of each"), AnyProblem, BodyProblem, ChangeProblem),
)]
pub(super) async fn bulk_set_status(
    who: Authorized<Write>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<BulkStatusBody>,
) -> Result<Json<BulkReportBody>, Problem> {
    let users = users_of(&web, &who);
    Ok(Json(users.bulk_update_status(&ids(body.ids), body.status.into()).await?.into()))
}

/// Deletes many users softly.
#[utoipa::path(
    post,
    path = "/users/bulk/delete",
    tag = "bulk",
    request_body = BulkDeleteBody,
    responses((status = 200, body = BulkReportBody, description = "What became of each"), AnyProblem, BodyProblem, ChangeProblem),
)]
pub(super) async fn bulk_delete(
    who: Authorized<Write>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<BulkDeleteBody>,
) -> Result<Json<BulkReportBody>, Problem> {
    Ok(Json(users_of(&web, &who).bulk_delete(&ids(body.ids)).await?.into()))
}

/// Gives many users a role.
#[utoipa::path(
    post,
    path = "/users/bulk/role",
    tag = "bulk",
    request_body = BulkRoleBody,
    responses((status = 200, body = BulkReportBody, description = "What became of each"), AnyProblem, BodyProblem, ChangeProblem),
)]
pub(super) async fn bulk_assign_role(
    who: Authorized<Write>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<BulkRoleBody>,
) -> Result<Json<BulkReportBody>, Problem> {
    let users = users_of(&web, &who);
    Ok(Json(users.bulk_assign_role(&ids(body.ids), body.role.into()).await?.into()))
}

fn ids(ids: Vec<Uuid>) -> Vec<UserId> {
    ids.into_iter().map(UserId::from_uuid).collect()
}
