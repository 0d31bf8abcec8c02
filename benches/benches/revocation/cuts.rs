//! Connections that break: the server ends them, whatever they are doing.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Ends one connection of this database, of those that listen where `$1` says so; answers whether it listened.
const CUT: &str = "
    SELECT query ILIKE 'listen%' AS listens, pg_terminate_backend(pid) AS is_cut
    FROM (
        SELECT pid, query FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND backend_type = 'client backend' AND (NOT $1 OR query ILIKE 'listen%')
        ORDER BY random() LIMIT 1
    ) AS one";

/// Every so many cuts it is the connection that listens.
const LISTENING: u64 = 5;

/// Cuts that go on until they are told to end.
pub(crate) struct Cuts {
    stop: oneshot::Sender<()>,
    cutting: JoinHandle<(u64, u64)>,
}

impl Cuts {
    /// Cuts a connection of the database every 50 to 100 milliseconds, over a connection of its own.
    pub(crate) async fn begin(url: &str) -> Self {
        let mut connection = PgConnection::connect(url).await.expect("a connection");
        let (stop, mut stopped) = oneshot::channel();
        let cutting = tokio::spawn(async move {
            let (mut cuts, mut listening) = (0, 0);
            for n in 0_u64.. {
                let pause = Duration::from_millis(50 + n.wrapping_mul(7_919) % 51);
                tokio::select! {
                    _ = &mut stopped => break,
                    () = tokio::time::sleep(pause) => {}
                }
                let query = sqlx::query(CUT).bind(n % LISTENING == 0);
                let cut = query.fetch_optional(&mut connection).await.expect("a cut");
                if let Some(cut) = cut.filter(|cut| cut.get("is_cut")) {
                    cuts += 1;
                    listening += u64::from(cut.get::<bool, _>("listens"));
                }
            }
            (cuts, listening)
        });
        Self { stop, cutting }
    }

    /// How many there were, and how many of them were of a connection that listened.
    pub(crate) async fn end(self) -> (u64, u64) {
        let _ = self.stop.send(());
        self.cutting.await.expect("the cuts")
    }
}
