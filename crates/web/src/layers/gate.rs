//! One shape for all layers that let a request in or answer it themselves.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use tower::Service;

/// Lets a request in, perhaps with something added, or answers it itself.
pub trait Gatekeeper: Clone + Send + Sync + 'static {
    /// The request to go on with, or the answer that ends it here.
    fn pass(&self, request: Request) -> impl Future<Output = Result<Request, Response>> + Send;
}

/// A service behind a gatekeeper.
#[derive(Debug, Clone)]
pub struct Gated<G, S> {
    gatekeeper: G,
    inner: S,
}

impl<G, S> Gated<G, S> {
    pub(super) const fn new(gatekeeper: G, inner: S) -> Self {
        Self { gatekeeper, inner }
    }
}

impl<G, S> Service<Request> for Gated<G, S>
where
    G: Gatekeeper,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let gatekeeper = self.gatekeeper.clone();
        // The service that was polled is the one that is ready; its clone need not be.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            match gatekeeper.pass(request).await {
                Ok(request) => ready.call(request).await,
                Err(answer) => Ok(answer),
            }
        })
    }
}

/// Makes a gatekeeper a tower layer.
macro_rules! layer_of_gatekeeper {
    ($name:ty) => {
        impl<S> tower::Layer<S> for $name {
            type Service = $crate::layers::Gated<Self, S>;

            fn layer(&self, inner: S) -> Self::Service {
                $crate::layers::Gated::new(self.clone(), inner)
            }
        }
    };
}
pub(super) use layer_of_gatekeeper;
