//! What all commands share: where the data is, on whose behalf, and how results are shown.

use std::cell::OnceCell;
use std::env;
use std::path::PathBuf;

use directories::ProjectDirs;
use systemprompt_users::{
    Actor, ActorName, ApiKeyService, BackendKind, BanService, Context, DbPool, Doctor,
    EventService, JobRunner, SchemaVersion, SessionService, SignInLinkService, UserAdminService,
    UserService, address_file, registered_jobs, sqlite_file,
};
use tracing_subscriber::EnvFilter;

use crate::cli::{Command, Format, GlobalArgs};
use crate::exit::{Failure, Outcome, note};
use crate::output::{Output, Terminal};

/// What was said for all commands.
#[derive(Debug)]
pub(crate) struct Host {
    database: Option<String>,
    /// Whether the command makes a file where there is none.
    makes_database: bool,
    actor: Actor,
    format: Option<Format>,
    pool: OnceCell<DbPool>,
}

/// The services, on one storage and on behalf of one operator.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) users: UserService,
    pub(crate) admin: UserAdminService,
    pub(crate) sessions: SessionService,
    pub(crate) bans: BanService,
    pub(crate) keys: ApiKeyService,
    pub(crate) links: SignInLinkService,
    pub(crate) events: EventService,
    pub(crate) doctor: Doctor,
    context: Context,
}

impl Host {
    pub(crate) fn new(args: &GlobalArgs, command: &Command) -> Result<Self, Failure> {
        let default_level = match args.verbose {
            0 => "error",
            1 => "info",
            2 => "debug",
            _ => "trace",
        };
        let filter =
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_level));
        let color = Terminal::stderr().color;
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(color)
            .with_writer(std::io::stderr)
            .init();
        Ok(Self {
            database: args.database.clone(),
            makes_database: command.makes_database(),
            actor: actor(args.actor.as_deref())?,
            format: args.output,
            pool: OnceCell::new(),
        })
    }

    /// Runs a command to its end and closes the storage that it opened.
    pub(crate) fn run(&self, command: impl Future<Output = Outcome>) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::io("the runtime"))?;
        runtime.block_on(async {
            let outcome = command.await;
            let closed = match self.pool.get() {
                Some(pool) => pool.close().await,
                None => Ok(()),
            };
            let done = outcome?;
            closed?;
            Ok(done)
        })
    }

    /// The services on a storage whose schema is up to date.
    pub(crate) async fn connect(&self) -> Result<Services, Failure> {
        let pool = self.open().await?;
        let version = pool.schema_version().await?;
        if needs_migration(pool.kind(), version)? {
            pool.migrate().await?;
            if version.current == 0 && pool.kind() == BackendKind::Sqlite {
                note(&format!("made the database {}", self.url()?));
            }
        }
        Ok(self.services(&pool))
    }

    /// The services for what stores nothing. Where no storage is yet it is an empty one, which is gone at the end.
    pub(crate) async fn connect_untouched(&self) -> Result<Services, Failure> {
        let mut pool = if is_missing_file(&self.url()?) {
            self.open_at("memory:").await?
        } else {
            self.open().await?
        };
        let version = pool.schema_version().await?;
        if needs_migration(pool.kind(), version)? {
            if version.current > 0 {
                return Err(Failure::Failed(format!(
                    "the schema is at version {} and this program needs {}: run `usersctl migrate`",
                    version.current, version.latest
                )));
            }
            pool = DbPool::connect("memory:").await?;
        }
        Ok(self.services(&pool))
    }

    fn services(&self, pool: &DbPool) -> Services {
        let context = Context::new(pool).as_actor(self.actor.clone());
        Services {
            users: context.clone().into(),
            admin: context.clone().into(),
            sessions: context.clone().into(),
            bans: context.clone().into(),
            keys: context.clone().into(),
            links: context.clone().into(),
            events: context.clone().into(),
            doctor: context.clone().into(),
            context,
        }
    }

    /// The storage as it is.
    pub(crate) async fn open(&self) -> Result<DbPool, Failure> {
        self.open_at(&self.url()?).await
    }

    async fn open_at(&self, url: &str) -> Result<DbPool, Failure> {
        let pool = match self.makes_database {
            true => DbPool::connect(url).await?,
            false => DbPool::connect_existing(url).await.inspect_err(|error| {
                if error.field().is_none() && is_missing_file(url) {
                    note("only `usersctl migrate`, `usersd` and commands that add something make a database");
                }
            })?,
        };
        Ok(self.pool.get_or_init(|| pool).clone())
    }

    fn url(&self) -> Result<String, Failure> {
        self.database.clone().map_or_else(default_database, Ok)
    }

    /// Where a daemon on this storage writes down at which address it listens.
    pub(crate) fn address_file(&self) -> Option<PathBuf> {
        let folders = ProjectDirs::from("", "", "systemprompt-users")?;
        address_file(&self.url().ok()?, folders.data_dir())
    }

    /// Where results go, in the format that was asked for.
    pub(crate) fn output(&self) -> Output {
        Output::stdout(self.format.unwrap_or(Format::Table))
    }

    /// The format that was asked for, if any was.
    pub(crate) const fn format(&self) -> Option<Format> {
        self.format
    }
}

impl Services {
    /// A runner of all registered jobs.
    pub(crate) fn runner(&self) -> Result<JobRunner, Failure> {
        Ok(JobRunner::of(self.context.clone(), registered_jobs())?)
    }

    /// How long things are kept.
    pub(crate) const fn policy(&self) -> &systemprompt_users::Policy {
        self.context.policy()
    }
}

/// Whether the schema is to be brought up to date before anything else.
///
/// A file or a new database is, by itself. A database that several hosts share is not: their operator
/// decides when.
fn needs_migration(kind: BackendKind, version: SchemaVersion) -> Result<bool, Failure> {
    refuse_newer(version)?;
    let is_behind = version.current < version.latest;
    if is_behind && kind == BackendKind::Postgres && version.current > 0 {
        return Err(Failure::Failed(format!(
            "the schema is at version {} and this program needs {}: run `usersctl migrate`",
            version.current, version.latest
        )));
    }
    Ok(is_behind)
}

/// A schema that a newer program made may mean what this one does not know.
pub(crate) fn refuse_newer(version: SchemaVersion) -> Result<(), Failure> {
    if version.current > version.latest {
        return Err(Failure::Failed(format!(
            "the schema is at version {}, newer than the {} that this program knows: use a newer usersctl",
            version.current, version.latest
        )));
    }
    Ok(())
}

/// Whether the storage is a SQLite file that is not there yet.
fn is_missing_file(url: &str) -> bool {
    sqlite_file(url).is_some_and(|path| !path.exists())
}

/// `users.db` in the platform's data folder.
fn default_database() -> Result<String, Failure> {
    let folder: Option<PathBuf> = ProjectDirs::from("", "", "systemprompt-users")
        .map(|folders| folders.data_dir().to_owned());
    let path = folder.map(|folder| folder.join("users.db"));
    let url = path
        .as_deref()
        .and_then(|path| path.to_str())
        .map(|path| format!("sqlite://{}", path.replace('%', "%25").replace('?', "%3F")));
    url.ok_or_else(|| {
        Failure::Usage("there is no data folder for this account: pass --database URL".into())
    })
}

/// The operator: by `--actor`, or by the account.
fn actor(name: Option<&str>) -> Result<Actor, Failure> {
    if let Some(name) = name {
        let name = ActorName::parse(name).map_err(|error| Failure::Usage(format!("--{error}")))?;
        return Ok(Actor::Operator(name));
    }
    let account = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|name| !name.trim().is_empty()));
    Ok(Actor::Operator(account.unwrap_or_default().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_shares_is_migrated_unasked() {
        let check = |kind, current| needs_migration(kind, SchemaVersion { current, latest: 6 });
        assert!(check(BackendKind::Sqlite, 0).unwrap() && check(BackendKind::Sqlite, 5).unwrap());
        assert!(check(BackendKind::Postgres, 0).unwrap(), "it is empty");
        assert!(!check(BackendKind::Postgres, 6).unwrap());
        assert!(
            matches!(check(BackendKind::Postgres, 5), Err(Failure::Failed(why)) if why.contains("migrate"))
        );
        for kind in [BackendKind::Sqlite, BackendKind::Postgres] {
            assert!(matches!(check(kind, 7), Err(Failure::Failed(why)) if why.contains("newer")));
        }
    }

    #[test]
    fn an_actor_has_a_name_that_can_be_shown() {
        assert_eq!(actor(Some(" root ")).unwrap(), Actor::Operator("root".into()));
        for bad in ["", " ", "a\nb", &"x".repeat(256)] {
            let refused = actor(Some(bad));
            assert!(
                matches!(refused, Err(Failure::Usage(why)) if why.starts_with("--actor: must")),
                "{bad:?}"
            );
        }
    }
}
