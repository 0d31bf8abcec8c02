//! Whether this host should get requests.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use systemprompt_users_domain::Result;

use crate::Web;

/// How long the storage may take to answer before the host counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells how far the schema is; a host implements it over what it opened the storage with.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// The schema as it is and as this program knows it.
    ///
    /// # Errors
    /// `Storage`.
    async fn schema(&self) -> Result<SchemaState>;

    /// Whether lists come from a replica, or from the primary since it does not answer; `None` without a replica.
    fn replica_in_use(&self) -> Option<bool> {
        None
    }
}

/// How far a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SchemaState {
    /// The last migration that was applied.
    pub current: i64,
    /// The last migration that this program knows.
    pub latest: i64,
}

/// What `/readyz` answers.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    status: &'static str,
    storage: &'static str,
    schema: Option<SchemaState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<&'static str>,
    revocation_lag_seconds: f64,
    decisions: &'static str,
}

impl Report {
    pub(super) fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

pub(super) async fn check(web: &Web, readiness: &dyn Readiness) -> Report {
    let answers = async {
        web.events().last_position().await?;
        readiness.schema().await
    };
    let schema = match tokio::time::timeout(PATIENCE, answers).await {
        Ok(Ok(schema)) => Some(schema),
        Ok(Err(error)) => {
            crate::outage::STORAGE.failed(&error);
            None
        }
        Err(elapsed) => {
            crate::outage::STORAGE.failed(&elapsed);
            None
        }
    };
    let stats = web.enforcer().stats();
    let is_current = schema.is_some_and(|schema| schema.current == schema.latest);
    Report {
        // A host that is behind asks the storage or refuses, as it was told: it is still right.
        status: if is_current { "ready" } else { "not_ready" },
        storage: if schema.is_some() { "answers" } else { "does_not_answer" },
        schema,
        // Without it everything is answered all the same, by the primary.
        replica: readiness
            .replica_in_use()
            .map(|in_use| if in_use { "answers" } else { "does_not_answer" }),
        revocation_lag_seconds: stats.lag.as_secs_f64(),
        decisions: if stats.behind { "behind" } else { "fresh" },
    }
}
