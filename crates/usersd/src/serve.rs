//! Listening: plain or TLS, bounded in time and number, until it is to stop.

use std::net::{SocketAddr, TcpListener};

use axum_server::{Handle, Server};
use chrono::Duration;
use systemprompt_users::{Actor, DbPool, UserId};
use systemprompt_users_web::Web;
use systemprompt_users_web::health::PrometheusHandle;

use crate::config::Config;
use crate::connections::Bounded;
use crate::failure::Failure;
use crate::signals::reload_asked;
use crate::tls::Tls;
use crate::whereabouts::Whereabouts;
use crate::{routes, tls};

/// How long a link into the admin pages is good.
const LINK_MINUTES: i64 = 10;

/// How many streams one HTTP/2 connection may have at once.
const MAX_STREAMS: u32 = 128;

/// Where it listens. Taken before anything is opened or made, so that a start that can't succeed changes nothing.
pub(crate) struct Listening {
    listener: TcpListener,
    tls: Option<Tls>,
}

impl Listening {
    /// Reads the certificate, and takes the address.
    pub(crate) fn begin(config: &Config) -> Result<Self, Failure> {
        let tls = config.tls.as_ref().map(Tls::begin).transpose()?;
        let listen = config.listen;
        let listener = TcpListener::bind(listen)
            .map_err(|error| Failure::setting("listen", format!("{listen}: {error}")))?;
        Ok(Self { listener, tls })
    }
}

/// What is served.
pub(crate) struct Site<'a> {
    pub(crate) config: &'a Config,
    pub(crate) pool: &'a DbPool,
    pub(crate) web: &'a Web,
    pub(crate) metrics: Option<PrometheusHandle>,
    /// The admin whom nobody has ever been signed in as.
    pub(crate) new_admin: Option<UserId>,
}

impl Site<'_> {
    /// Serves until `stop`, then drains.
    pub(crate) async fn serve(
        self,
        listening: Listening,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let (config, web) = (self.config, self.web);
        let Listening { listener, tls } = listening;
        let bound = listener.local_addr().map_err(Failure::because("listening"))?;
        let base = format!("{}://{bound}", if tls.is_some() { "https" } else { "http" });
        println!("usersd: listening on {base}");
        let shown = base.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
        let _written_down = Whereabouts::write_down(&config.database, &shown);
        if config.admin_pages {
            greet(web, &shown, self.new_admin).await?;
        }

        let keep_reading = tls::keep_reading(tls.clone(), reload_asked()?);
        let service = routes::router(config, self.pool, web, self.metrics)
            .into_make_service_with_connect_info::<SocketAddr>();
        let handle = Handle::new();
        let drain = async {
            stop.await;
            web.begin_shutdown();
            handle.graceful_shutdown(Some(config.drain_timeout));
            std::future::pending::<()>().await;
        };
        let bounded = Bounded::new(config.connections.clone(), config.header_timeout);
        let served = async {
            match tls {
                Some(Tls { served: tls, .. }) => {
                    let server = axum_server::from_tcp_rustls(listener, tls)?;
                    let server = server.map(|acceptor| acceptor.acceptor(bounded));
                    configured(server, config, &handle).serve(service).await
                }
                None => {
                    let server = axum_server::from_tcp(listener)?.acceptor(bounded);
                    configured(server, config, &handle).serve(service).await
                }
            }
        };
        tokio::select! {
            served = served => served.map_err(Failure::because("serving")),
            () = drain => Ok(()),
            () = keep_reading => Ok(()),
        }
    }
}

/// Clients that are slow with the head of a request, or say nothing, make room for others.
fn configured<A>(
    mut server: Server<SocketAddr, A>,
    config: &Config,
    handle: &Handle<SocketAddr>,
) -> Server<SocketAddr, A> {
    let builder = server.http_builder();
    builder.http1().header_read_timeout(config.header_timeout);
    builder
        .http2()
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(config.header_timeout)
        .keep_alive_timeout(config.header_timeout);
    server.first_request_timeout(config.header_timeout).handle(handle.clone())
}

/// Tells where the admin pages are, and how to get in.
async fn greet(web: &Web, base: &str, new_admin: Option<UserId>) -> Result<(), Failure> {
    println!("usersd: the admin pages are at {base}/admin");
    let Some(admin) = new_admin else {
        println!("usersd: `usersctl admin-link NAME` makes a link that signs an admin in");
        return Ok(());
    };
    let links = web.sign_in_links(Actor::System);
    let (token, _) = links.create(admin, Duration::minutes(LINK_MINUTES)).await?;
    let token = token.reveal();
    // The last of what is said, and set apart, so that it is still in sight.
    println!("\nTo sign in, once, within {LINK_MINUTES} minutes, open\n");
    println!("    {base}/admin/sign-in?token={token}\n");
    Ok(())
}
