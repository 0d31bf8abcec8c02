//! Every statement that the adapter issues has an index that serves it.
//!
//! The test listens to the statements as they are issued on a large table and asks SQLite how it goes about
//! each, with and without statistics. The statements of triggers are taken from the schema.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqliteConnection};
use tempfile::TempDir;
use tracing::field::{Field, Visit};
use tracing::{Event, Instrument, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::everything::call_every_method;
use crate::fresh::{file, fresh};
use crate::population::store;

/// The name of the span in which statements are listened to; other tests run at the same time.
const LISTENING: &str = "every statement of the plan test";

/// Steps that look at rows one by one, and why that is no scan of a table that grows.
const BOUNDED: [(&str, &str); 3] = [
    ("time_spans", "six rows"),
    ("json_each", "what the caller named"),
    ("CONSTANT ROW", "one row"),
];

/// Statements that sort or group more than one page, and why their cost is bounded all the same.
const SORTS: [(&str, &str); 8] = [
    ("FROM json_each(?1) WHERE true ORDER BY key", "the users that the caller creates"),
    ("FROM json_each(?1) ORDER BY key", "the events that the caller appends"),
    ("FROM json_each(?1) GROUP BY 1", "the users that the caller names"),
    ("WITH gone (id) AS", "the users that the caller names"),
    ("SELECT cell AS", "one group for each cell of users, out of a bounded number of slots"),
    (
        "INDEXED BY users_cell_created WHERE cell IN",
        "only where no more than 1000 users are in the range",
    ),
    (
        "INDEXED BY users_cell_active WHERE cell IN",
        "only where no more than 1000 users are in the range",
    ),
    ("INDEXED BY ban_facts_", "only where no more than 1000 facts of the origin hold"),
];

#[tokio::test]
async fn every_statement_is_served_by_an_index() {
    let heard = listen();
    let (storage, folder) = fresh().await;
    store(&storage, 0..20_000).await;
    call_every_method(&storage)
        .instrument(tracing::info_span!("every statement of the plan test"))
        .await;
    let mut statements = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(statements.len() > 90, "only {} statements were heard", statements.len());
    statements.extend(trigger_statements(&mut connect(&folder).await).await);

    check(&mut connect(&folder).await, &statements).await;
    sqlx::raw_sql("ANALYZE").execute(&mut connect(&folder).await).await.unwrap();
    check(&mut connect(&folder).await, &statements).await;
}

async fn check(connection: &mut SqliteConnection, statements: &BTreeSet<String>) {
    let mut faults = Vec::new();
    for statement in statements {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut *connection).await;
        let steps: Vec<String> = match rows {
            Ok(rows) => rows.iter().map(|row| row.get("detail")).collect(),
            Err(error) => vec![format!("SCAN of a statement that is none: {error}")],
        };
        faults.extend(
            steps
                .iter()
                .filter(|step| is_fault(statement, step, &steps))
                .map(|step| format!("{step}\n  in {statement}")),
        );
    }
    assert!(faults.is_empty(), "{} steps without an index:\n{}", faults.len(), faults.join("\n"));
}

fn is_fault(statement: &str, step: &str, steps: &[String]) -> bool {
    if let Some(scan) = step.strip_prefix("SCAN ") {
        return !is_bounded_scan(statement, scan, steps);
    }
    step.contains("AUTOMATIC")
        || (step.starts_with("USE TEMP B-TREE") && !is_bounded_sort(statement))
}

/// Whether a scan ends by itself after few rows: of what the caller named, of a page that was read before,
/// or along an index in the order asked for, up to a limit.
fn is_bounded_scan(statement: &str, scan: &str, steps: &[String]) -> bool {
    let name = scan.split(' ').next().unwrap_or_default();
    let own_result =
        ["page", "seen", "slot", "edge", "gone", "(subquery-1)", "(subquery-2)", "(subquery-3)"];
    let page_or_list = own_result.contains(&name) && !scan.contains("INDEX ");
    let list = scan.contains("VIRTUAL TABLE INDEX 1:") || scan.contains("VIRTUAL TABLE INDEX 3:");
    let search_index = name == "user_grams" && !scan.ends_with("INDEX 0:");
    let by_position = scan == "events" && statement.contains("ORDER BY position DESC LIMIT");
    let in_order = scan.contains("INDEX ")
        && !scan.contains("VIRTUAL")
        && (statement.contains("LIMIT") || statement.contains("SELECT EXISTS"))
        && !steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
    page_or_list
        || list
        || search_index
        || by_position
        || in_order
        || BOUNDED.iter().any(|(bounded, _)| scan.starts_with(bounded))
}

fn is_bounded_sort(statement: &str) -> bool {
    SORTS.iter().any(|(sort, _)| statement.contains(sort))
}

/// The statements of all triggers, with the row that fires them as parameters.
async fn trigger_statements(connection: &mut SqliteConnection) -> BTreeSet<String> {
    let triggers: Vec<String> =
        sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")
            .fetch_all(connection)
            .await
            .unwrap();
    let mut statements = BTreeSet::new();
    for trigger in &triggers {
        let (_, body) = trigger.split_once(" BEGIN").unwrap();
        let (body, _) = body.rsplit_once("END").unwrap();
        statements
            .extend(body.split(';').map(str::trim).filter(|sql| !sql.is_empty()).map(unbound));
    }
    assert!(statements.len() >= 8, "the triggers were not read");
    statements
}

/// `NEW.cell` becomes `?`, and so on.
fn unbound(sql: &str) -> String {
    let words = sql.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_'));
    words
        .map(|word| match word.strip_prefix("NEW.").or(word.strip_prefix("OLD.")) {
            Some(column) => {
                format!("?{}", column.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
            }
            None => word.to_owned(),
        })
        .collect()
}

async fn connect(folder: &TempDir) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file(folder)).connect().await.unwrap()
}

/// Collects what is issued inside of the span, from now on.
fn listen() -> Arc<Mutex<BTreeSet<String>>> {
    let heard = Arc::new(Mutex::new(BTreeSet::new()));
    let subscriber = tracing_subscriber::registry().with(Listener(Arc::clone(&heard)));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    heard
}

struct Listener(Arc<Mutex<BTreeSet<String>>>);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let inside = context
            .event_scope(event)
            .is_some_and(|mut scope| scope.any(|span| span.name() == LISTENING));
        if !inside || event.metadata().target() != "sqlx::query" {
            return;
        }
        let mut statement = Statement::default();
        event.record(&mut statement);
        let sql = if statement.full.is_empty() { statement.summary } else { statement.full };
        let reads_or_writes = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
        if reads_or_writes.iter().any(|verb| sql.trim().starts_with(verb)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.trim().to_owned());
        }
    }
}

#[derive(Default)]
struct Statement {
    summary: String,
    full: String,
}

impl Visit for Statement {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => self.summary = value.to_owned(),
            "db.statement" => self.full = value.to_owned(),
            _ => {}
        }
    }
}
