//! `usersctl admin-link`: a one-time link into the admin pages.

use std::fs;

use systemprompt_users::{User, UserError, UserRole, format_duration};

use crate::cli::AdminLinkArgs;
use crate::exit::{Done, Failure, Outcome, note};
use crate::host::Host;
use crate::output::{AdminLinkRow, printable};

/// Where `usersd` listens unless it is told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

pub(super) async fn run(args: AdminLinkArgs, host: &Host) -> Outcome {
    let url = match args.url {
        Some(url) => url,
        None => running(host),
    };
    let base = base(&url)?;
    let services = host.connect().await?;
    let Some(user) = services.admin.find_any_status(&args.user).await? else {
        let name = printable(&args.user);
        note(&format!("make an admin by `usersctl users create {name} EMAIL --role admin,user`"));
        return Err(UserError::user_not_found(&args.user).into());
    };
    check(&user)?;
    let (token, link) = services.links.create(user.id, args.lifetime).await?;
    let url = format!("{base}/admin/sign-in?token={}", token.reveal());
    let mut output = host.output();
    if output.is_for_programs() {
        output.one(&AdminLinkRow { url: &url, user: &user, expires_at: link.expires_at })?;
    } else {
        output.text(&format!("{url}\n"))?;
    }
    note(&format!(
        "signs {} in once, within {}; keep it to yourself",
        printable(user.name.as_str()),
        format_duration(args.lifetime)
    ));
    Ok(Done::All)
}

/// Where the daemon on this database listens, as far as it has written that down on this machine.
fn running(host: &Host) -> String {
    let written = host.address_file().and_then(|file| fs::read_to_string(file).ok());
    let written = written.map(|text| text.trim().to_owned()).filter(|url| base(url).is_ok());
    written.unwrap_or_else(|| {
        note(&format!(
            "no usersd on this database was found; --url says where it is, if not at {DEFAULT_URL}"
        ));
        DEFAULT_URL.to_owned()
    })
}

/// Refuses whom the admin pages would refuse, and says what to do.
fn check(user: &User) -> Result<(), UserError> {
    let (name, id) = (&user.name, user.id);
    let message = if !user.is_live() {
        format!("user `{name}` is deleted: bring it back by `usersctl users restore {id}`")
    } else if !user.is_active() {
        format!("user `{name}` is suspended: let it in by `usersctl users activate {id}`")
    } else if !user.roles.contains(UserRole::Admin) {
        format!("user `{name}` is no admin: make it one by `usersctl users promote {id}`")
    } else {
        return Ok(());
    };
    Err(UserError::NotAllowed(message))
}

/// The address that the path follows.
fn base(url: &str) -> Result<&str, Failure> {
    let base = url.trim().trim_end_matches('/');
    let host = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://"));
    let is_fine = host.is_some_and(|host| {
        !host.is_empty() && host.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>`'\\".contains(c))
    });
    if !is_fine {
        let message =
            "--url: expected http:// or https:// and a host, such as https://admin.example";
        return Err(Failure::Usage(message.into()));
    }
    Ok(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_ends_before_the_path() {
        assert_eq!(base("http://127.0.0.1:8080/").unwrap(), "http://127.0.0.1:8080");
        assert_eq!(base(" https://a.example/users ").unwrap(), "https://a.example/users");
        for bad in ["", "a.example", "https://", "ftp://a", "http://a?b", "http://a b", "http://é"]
        {
            assert!(matches!(base(bad), Err(Failure::Usage(_))), "{bad}");
        }
    }
}
