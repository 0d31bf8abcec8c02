//! Finding, listing and searching users.

use systemprompt_users::{PageRequest, UserError, UserOrder};

use super::super::{lookup, now, pages};
use crate::cli::{ListArgs, UserFilterArgs, UserListArgs};
use crate::exit::{Done, Outcome};
use crate::host::{Host, Services};
use crate::output::{ActivityRow, CountRow, Record, UserRow};

pub(super) async fn list(services: &Services, host: &Host, args: &UserListArgs) -> Outcome {
    let filter = args.filter.to_filter(now())?;
    let mut output = host.output();
    if args.count {
        output.one(&CountRow(services.users.count(&filter).await?))?;
        return Ok(Done::All);
    }
    let order = UserOrder::from(args.order);
    let list = output.list(UserRow::COLUMNS);
    let fetch = async |request: &PageRequest| services.users.list(&filter, order, request).await;
    pages::show(&args.list, list, fetch, |list, user| list.push(&UserRow(user))).await
}

pub(super) async fn search(
    services: &Services,
    host: &Host,
    query: &str,
    filter: &UserFilterArgs,
    args: &ListArgs,
) -> Outcome {
    let filter = filter.to_filter(now())?;
    let mut output = host.output();
    let list = output.list(UserRow::COLUMNS);
    let fetch = async |request: &PageRequest| services.users.search(query, &filter, request).await;
    pages::show(args, list, fetch, |list, user| list.push(&UserRow(user))).await
}

pub(super) async fn show(services: &Services, host: &Host, user: &str) -> Outcome {
    let user = lookup::any_user(services, user).await?;
    host.output().one(&UserRow(&user))?;
    Ok(Done::All)
}

pub(super) async fn activity(services: &Services, host: &Host, reference: &str) -> Outcome {
    let user = lookup::live_user(services, reference).await?;
    let activity = services.users.get_activity(user.id).await?;
    let activity = activity.ok_or_else(|| UserError::user_not_found(reference))?;
    host.output().one(&ActivityRow { user: &user, activity: &activity })?;
    Ok(Done::All)
}
