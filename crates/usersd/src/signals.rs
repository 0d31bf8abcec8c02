//! When to stop.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Waits for SIGTERM or SIGINT. From the call on neither ends the process by itself any more; a second one, of
/// either kind, ends it at once.
pub(crate) fn stop_asked() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(Failure::because("listening for signals"));
    let (mut terminate, mut interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        either(&mut terminate, &mut interrupt).await;
        tokio::spawn(async move {
            let kind = either(&mut terminate, &mut interrupt).await;
            tracing::warn!("told to stop a second time: ending at once");
            process::exit(128 + kind.as_raw_value());
        });
    })
}

/// Waits for SIGHUP, by which a service manager asks to read files again.
pub(crate) fn reload_asked() -> Result<Signal, Failure> {
    signal(SignalKind::hangup()).map_err(Failure::because("listening for signals"))
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate(),
        _ = interrupt.recv() => SignalKind::interrupt(),
    }
}
