//! Merging two users.

use systemprompt_users::{MergeOptions, UserError};

use super::super::lookup;
use crate::cli::MergeArgs;
use crate::confirm::preview;
use crate::exit::{Done, Outcome};
use crate::host::{Host, Services};
use crate::output::{ActivityRow, MergeRow};

pub(super) async fn run(services: &Services, host: &Host, args: &MergeArgs) -> Outcome {
    let source = lookup::live_user(services, &args.source).await?;
    let target = lookup::live_user(services, &args.target).await?;
    source.check_merge_into(&target)?;
    let mut output = host.output();
    let mut rows = Vec::new();
    for user in [&source, &target] {
        let activity = services.users.get_activity(user.id).await?;
        let activity = activity.ok_or_else(|| UserError::user_not_found(user.id))?;
        rows.push((user, activity));
    }
    let rows: Vec<_> = rows.iter().map(|(user, activity)| ActivityRow { user, activity }).collect();
    let sessions = if args.keep_sessions { "go on under the target" } else { "are ended" };
    let roles = if args.gain_roles { "gains the roles of the source" } else { "gains no roles" };
    let title = format!(
        "{} is to be deleted and its history to go to {}; live sessions of the source {sessions}, the target \
         {roles}:",
        source.name, target.name
    );
    preview(&mut output, args.confirm, &title, &rows)?;
    if !args.confirm.goes_on(&format!("Merge {} into {}?", source.name, target.name))? {
        return Ok(Done::All);
    }
    let options = MergeOptions { keep_sessions: args.keep_sessions, gain_roles: args.gain_roles };
    let result = services.users.merge_users(source.id, target.id, options).await?;
    output.one(&MergeRow(&result))?;
    Ok(Done::All)
}
