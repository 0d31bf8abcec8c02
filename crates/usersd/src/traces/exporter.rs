//! What a collector is told of a span, by the names that OpenTelemetry gives to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// The span that the web crate opens for a request.
const REQUEST: &str = "request";

/// Describes spans, sends them on, and logs when the collector goes away or comes back.
#[derive(Debug)]
pub(super) struct Described<E> {
    inner: E,
    is_away: AtomicBool,
}

impl<E> Described<E> {
    pub(super) const fn new(inner: E) -> Self {
        Self { inner, is_away: AtomicBool::new(false) }
    }
}

impl<E: SpanExporter> SpanExporter for Described<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(describe);
        let result = self.inner.export(batch).await;
        // Said once, not for each batch.
        let was_away = self.is_away.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !was_away => {
                tracing::warn!(%error, "the collector takes no spans; they are dropped");
            }
            Ok(()) if was_away => tracing::info!("the collector takes spans again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Of a request, what is named here; of the work inside it, numbers alone. So whatever a span may hold one day, no
/// text that was not thought of leaves this host.
fn describe(span: &mut SpanData) {
    if span.name != REQUEST {
        span.attributes.retain(|attribute| is_number(&attribute.value));
        return;
    }
    let attributes = std::mem::take(&mut span.attributes);
    let value = |key: &str| {
        let mut found = attributes.iter().filter(|attribute| attribute.key.as_str() == key);
        found.next().map(|attribute| attribute.value.as_str().into_owned())
    };
    let (method, status) = (value("method"), value("status"));
    let route = value("route").filter(|route| route.starts_with('/'));
    let status: Option<i64> = status.and_then(|status| status.parse().ok());
    span.span_kind = SpanKind::Server;
    let name: Vec<&str> = [method.as_deref(), route.as_deref()].into_iter().flatten().collect();
    span.name = name.join(" ").into();
    if status.is_some_and(|status| status >= 500) {
        span.status = Status::error("");
    }
    let described = [
        ("http.request.method", method.map(Value::from)),
        ("http.route", route.map(Value::from)),
        ("http.response.status_code", status.map(Value::from)),
        ("request_id", value("request_id").map(Value::from)),
    ];
    let described = described.into_iter().filter_map(|(key, value)| Some((key, value?)));
    span.attributes = described.map(|(key, value)| KeyValue::new(key, value)).collect();
}

/// Unsigned numbers come as text.
fn is_number(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::I64(_) | Value::F64(_) => true,
        value => value.as_str().parse::<u64>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    /// What the collector is told: the name, the attributes, and whether it went wrong.
    fn told(name: &'static str, attributes: &[(&'static str, &'static str)]) -> (String, String) {
        let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value));
        let mut span = SpanData {
            span_context: SpanContext::empty_context(),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: UNIX_EPOCH,
            end_time: UNIX_EPOCH,
            attributes: attributes.collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        };
        describe(&mut span);
        let attributes = span.attributes.iter();
        let attributes = attributes.map(|told| format!("{}={}", told.key, told.value.as_str()));
        let failed = if span.status == Status::Unset { "" } else { " failed" };
        (format!("{}{failed}", span.name), attributes.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn nothing_is_told_that_is_not_named() {
        let request = [("method", "GET"), ("route", "/users/{id}"), ("email", "eve@example.com")];
        let (name, attributes) = told("request", &request);
        assert_eq!(name, "GET /users/{id}");
        assert_eq!(attributes, "http.request.method=GET http.route=/users/{id}");
        let (name, attributes) = told("suspend", &[("id", "0190c8a5-0000"), ("rows", "12")]);
        assert_eq!((&*name, &*attributes), ("suspend", "rows=12"));
    }

    #[test]
    fn only_what_this_host_did_wrong_has_failed() {
        for (status, name) in [("404", "GET"), ("500", "GET failed")] {
            let request = [("method", "GET"), ("route", "none"), ("status", status)];
            let attributes = format!("http.request.method=GET http.response.status_code={status}");
            assert_eq!(told("request", &request), (name.to_owned(), attributes));
        }
    }
}
