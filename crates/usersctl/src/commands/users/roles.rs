//! Promoting, demoting, and roles.

use systemprompt_users::{DemoteResult, PromoteResult, Roles, User, UserRole};

use super::super::lookup::{self, Named};
use crate::cli::{ConfirmArgs, RolesCommand};
use crate::confirm::preview;
use crate::exit::{Done, Failure, Outcome, note};
use crate::host::{Host, Services};
use crate::output::{Output, RolesRow};

pub(super) async fn run(services: &Services, host: &Host, command: RolesCommand) -> Outcome {
    match command {
        RolesCommand::Show { user } => {
            let user = lookup::any_user(services, &user).await?;
            shown(&mut host.output(), &user)
        }
        RolesCommand::Assign { users, role, confirm } => {
            let named = Named::find(services, &users).await?;
            let mut output = host.output();
            let shown: Vec<_> = named.users().map(RolesRow).collect();
            let title = format!("These users are to be given the role {role}:");
            if confirm.only_shows(&mut output, &title, &shown)? {
                named.note_missing();
                return Ok(named.missing());
            }
            let report =
                named.change(async |ids| services.users.bulk_assign_role(ids, role).await).await?;
            let (rows, done) = named.outcome(report);
            output.all(&rows)?;
            Ok(done)
        }
        RolesCommand::Revoke { user, role, confirm } => {
            revoke(services, host, &user, role, confirm).await
        }
        RolesCommand::Set { user, role, confirm } => {
            set(services, host, &user, &role, confirm).await
        }
    }
}

pub(super) async fn promote(
    services: &Services,
    host: &Host,
    user: &str,
    confirm: ConfirmArgs,
) -> Outcome {
    if confirm.dry_run {
        let user = lookup::live_user(services, user).await?;
        let title = "This user is to be made an admin:";
        confirm.only_shows(&mut host.output(), title, &[RolesRow(&user)])?;
        return Ok(Done::All);
    }
    let user = match services.admin.promote(user).await? {
        PromoteResult::Promoted(user) => user,
        PromoteResult::AlreadyAdmin(user) => {
            note(&format!("{} is an admin already", user.name));
            user
        }
    };
    shown(&mut host.output(), &user)
}

pub(super) async fn demote(
    services: &Services,
    host: &Host,
    user: &str,
    confirm: ConfirmArgs,
) -> Outcome {
    let mut output = host.output();
    let before = lookup::live_user(services, user).await?;
    let asks = confirm.dry_run || before.roles.contains(UserRole::Admin);
    if asks && !loses(&mut output, &before, "admin", confirm)? {
        return Ok(Done::All);
    }
    let user = match services.admin.demote(&before.id.to_string()).await? {
        DemoteResult::Demoted(user) => user,
        DemoteResult::NotAdmin(user) => {
            note(&format!("{} is no admin", user.name));
            user
        }
    };
    shown(&mut output, &user)
}

async fn revoke(
    services: &Services,
    host: &Host,
    user: &str,
    role: UserRole,
    confirm: ConfirmArgs,
) -> Outcome {
    let mut output = host.output();
    let user = lookup::live_user(services, user).await?;
    let asks = confirm.dry_run || user.roles.contains(role);
    if asks && !loses(&mut output, &user, role.as_str(), confirm)? {
        return Ok(Done::All);
    }
    let user = services.users.revoke_role(user.id, role).await?;
    shown(&mut output, &user)
}

async fn set(
    services: &Services,
    host: &Host,
    user: &str,
    roles: &[UserRole],
    confirm: ConfirmArgs,
) -> Outcome {
    let wanted = Roles::new(roles.iter().copied())?;
    let mut output = host.output();
    let user = lookup::live_user(services, user).await?;
    let lost: Vec<&str> =
        user.roles.iter().filter(|role| !wanted.contains(*role)).map(UserRole::as_str).collect();
    let asks = confirm.dry_run || !lost.is_empty();
    if asks && !loses(&mut output, &user, &lost.join(", "), confirm)? {
        return Ok(Done::All);
    }
    let user = services.users.assign_roles(user.id, roles).await?;
    shown(&mut output, &user)
}

/// Shows who is to lose which roles, and asks whether that is meant.
fn loses(
    output: &mut Output,
    user: &User,
    lost: &str,
    confirm: ConfirmArgs,
) -> Result<bool, Failure> {
    let title = format!("{} is to lose the roles: {lost}", user.name);
    preview(output, confirm, &title, &[RolesRow(user)])?;
    confirm.goes_on(&format!("Take {lost} from {}?", user.name))
}

fn shown(output: &mut Output, user: &User) -> Outcome {
    output.one(&RolesRow(user))?;
    Ok(Done::All)
}
