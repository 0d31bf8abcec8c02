//! Spans of requests, sent to an OpenTelemetry collector. Nothing waits for it: what it does not take is dropped.

mod client;
mod exporter;

use std::env;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{FutureExt as _, TracerProvider as _};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

use crate::config::Collector;
use crate::failure::Failure;

/// How the crates of this house begin, whose spans are known to hold nothing personal.
const HOUSE: &str = "systemprompt_";

/// How many spans wait for the collector; those beyond are dropped.
const QUEUE: usize = 4096;

/// How long the collector may take for one batch, and for what is left at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way to the collector.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Makes a way that sends on the threads of `runtime`.
    ///
    /// Besides the address, the usual variables `OTEL_*` hold: headers, the sampler, the name of the service.
    pub(crate) fn to(collector: &Collector, runtime: &Handle) -> Result<Self, Failure> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client::OnRuntime::new(runtime.clone(), PATIENCE)?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(collector.to_string())
            .with_timeout(PATIENCE)
            .build()
            .map_err(Failure::because("otlp_endpoint"))?;
        let batches = BatchConfigBuilder::default().with_max_queue_size(QUEUE).build();
        let processor = BatchSpanProcessor::builder(exporter::Described::new(exporter))
            .with_batch_config(batches)
            .build();
        let name = env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "usersd".to_owned());
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder().with_service_name(name).build())
            .with_span_processor(processor)
            .build();
        Ok(Self(provider))
    }

    /// What turns spans of this house, but no lines of the log, into spans for the collector.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("usersd"))
            .with_context_activation(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|meta| meta.is_span() && meta.target().starts_with(HOUSE)))
            .with_filter(LevelFilter::INFO)
    }

    /// Sends what is left, and waits for it, but not for long. The runtime must still run.
    pub(crate) fn finish(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// A middleware: goes on with the trace that a proxy or client began (`traceparent`).
pub(crate) async fn continued(request: Request, next: Next) -> Response {
    let begun = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    next.run(request).with_context(begun).await
}
