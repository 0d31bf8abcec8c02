//! The log: text for people or JSON for machines, on stderr; and spans for a collector, where there is one.

use std::env;
use std::io::{IsTerminal, stderr};

use tokio::runtime::Handle;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::config::{Config, LogFormat};
use crate::failure::Failure;
#[cfg(feature = "otlp")]
use crate::traces::Traces;

/// What is to be finished at the end.
#[derive(Debug, Default)]
pub(crate) struct Log {
    #[cfg(feature = "otlp")]
    traces: Option<Traces>,
}

impl Log {
    /// Sends what was not sent yet.
    pub(crate) fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            traces.finish();
        }
    }
}

/// Starts it. `RUST_LOG` wins over the settings, as everybody expects. What is sent elsewhere is sent on `runtime`.
#[cfg_attr(not(feature = "otlp"), expect(unused_variables, reason = "all goes to stderr"))]
pub(crate) fn start(config: &Config, runtime: &Handle) -> Result<Log, Failure> {
    let wanted = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.is_empty());
    let (setting, wanted) = match &wanted {
        Some(text) => (EnvFilter::DEFAULT_ENV, text),
        None => ("log_level", &config.log_level),
    };
    let filter = EnvFilter::try_new(wanted).map_err(|error| Failure::setting(setting, error))?;
    let lines = fmt::layer::<Registry>().with_writer(stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    #[cfg(feature = "otlp")]
    if let Some(collector) = &config.otlp_endpoint {
        let traces = Traces::to(collector, runtime)?;
        // The filter is for the lines alone: spans are sent whatever is logged.
        let all = tracing_subscriber::registry().with(lines.with_filter(filter));
        all.with(traces.layer()).try_init().map_err(not_started)?;
        return Ok(Log { traces: Some(traces) });
    }
    tracing_subscriber::registry().with(lines).with(filter).try_init().map_err(not_started)?;
    Ok(Log::default())
}

fn not_started(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(format!("starting the log: {error}"))
}
