//! A test with a server and a browser, which are ended also when the test fails.

use std::sync::Arc;

use crate::browser::Browser;
use crate::server::Server;

/// What a test works with.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) browser: Browser,
}

/// Runs `test`, with or without JavaScript, and ends everything that was started for it.
pub(crate) fn run<F>(javascript: bool, test: impl FnOnce(Arc<Stage>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::start().await;
        let stage = Arc::new(Stage { browser: Browser::start(javascript).await, server });
        let outcome = tokio::spawn(test(Arc::clone(&stage))).await;
        let stage = Arc::into_inner(stage).unwrap();
        stage.browser.stop().await;
        stage.server.stop().await;
        if let Err(failure) = outcome {
            std::panic::resume_unwind(failure.into_panic());
        }
    });
}
