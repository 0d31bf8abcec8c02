//! The HTTP client towards the collector, for a thread that is not of the runtime.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper_rustls::HttpsConnectorBuilder;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

use crate::failure::Failure;

/// Sends on the runtime, whoever asks: spans are batched on a thread of their own, which has none.
#[derive(Debug)]
pub(super) struct OnRuntime {
    runtime: Handle,
    client: Arc<dyn HttpClient>,
}

impl OnRuntime {
    pub(super) fn new(runtime: Handle, patience: Duration) -> Result<Self, Failure> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(Failure::because("otlp_endpoint"))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self { runtime, client: Arc::new(HyperClient::new(connector, patience, None)) })
    }
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = Arc::clone(&self.client);
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}
