//! Plans as the server tells them, and what is wrong with one.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// How many rows one step of a plan may read: a page out of every cell, and some more; the tables have fifty
/// thousand and more.
const BOUND: f64 = 1_200.0;

/// All plans that were told, with the call they belong to.
#[derive(Clone, Default)]
pub(super) struct Plans {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    call: String,
    texts: BTreeSet<String>,
    complaints: Vec<String>,
}

impl Plans {
    pub(super) fn listener(&self) -> Listener {
        Listener { plans: self.clone() }
    }

    /// Says which call the next plans belong to.
    pub(super) fn during(&self, call: &str) {
        self.state.lock().unwrap().call = call.to_owned();
    }

    pub(super) fn complaints(&self) -> Vec<String> {
        self.state.lock().unwrap().complaints.clone()
    }

    pub(super) fn saw(&self, query: &str) -> bool {
        self.state.lock().unwrap().texts.contains(query)
    }

    fn take(&self, notice: &str) {
        let Some((_, json)) = notice.split_once("plan:") else { return };
        let told: Value = serde_json::from_str(json).unwrap();
        let text = told["Query Text"].as_str().unwrap_or_default().to_owned();
        let mut state = self.state.lock().unwrap();
        let mut faults = Vec::new();
        look_at(&told["Plan"], &mut faults);
        if !faults.is_empty() {
            let faults = faults.join("; ");
            let complaint = format!("{}: {faults}\n{text}\n{:#}", state.call, told["Plan"]);
            state.complaints.push(complaint);
        }
        state.texts.insert(text);
    }
}

/// Every step: what it read, whether it passed it on or not.
fn look_at(step: &Value, faults: &mut Vec<String>) {
    let number = |name: &str| step[name].as_f64().unwrap_or(0.0);
    let kind = step["Node Type"].as_str().unwrap_or_default();
    let rows = number("Actual Rows")
        + number("Rows Removed by Filter")
        + number("Rows Removed by Join Filter")
        + number("Rows Removed by Index Recheck");
    let read = rows * number("Actual Loops");
    let what = step["Relation Name"].as_str().or(step["Index Name"].as_str()).unwrap_or_default();
    if kind == "Seq Scan" && !SMALL.contains(&what) {
        faults.push(format!("{what} is read from end to end"));
    }
    if read > BOUND {
        faults.push(format!("{kind} {what} reads {read} rows"));
    }
    for child in step["Plans"].as_array().into_iter().flatten() {
        look_at(child, faults);
    }
}

/// Tables that are read whole because they hold hardly anything.
const SMALL: [&str; 1] = ["user_search_pending"];

/// Hears the server's notices, which the driver writes to the log.
pub(super) struct Listener {
    plans: Plans,
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::postgres::notice"
    }

    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }

            fn record_str(&mut self, field: &Field, value: &str) {
                if field.name() == "message" {
                    self.0 = value.to_owned();
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.plans.take(&message.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
