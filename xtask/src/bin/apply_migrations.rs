//! Applies a folder of migrations to a fresh database, before the adapter that needs it compiles:
//! `apply-migrations <url> <folder>`.

use std::error::Error;
use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection, SqliteConnection};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, folder] = args.as_slice() else {
        return Err("say `apply-migrations <url> <folder>`".into());
    };
    let migrator = Migrator::new(Path::new(folder)).await?;
    if url.starts_with("sqlite:") {
        migrator.run(&mut SqliteConnection::connect(url).await?).await?;
    } else {
        migrator.run(&mut PgConnection::connect(url).await?).await?;
    }
    Ok(())
}
