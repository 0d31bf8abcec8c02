//! `usersctl keys ...`

use chrono::Duration;
use systemprompt_users::{
    ApiKey, ApiKeyId, ApiScopes, IssuedApiKey, NewApiKey, PageRequest, UserError, format_duration,
};

use super::{now, pages};
use crate::cli::{ConfirmArgs, KeyCreateArgs, KeysCommand, ListArgs};
use crate::confirm::preview;
use crate::exit::{Done, Failure, Outcome, note};
use crate::host::{Host, Services};
use crate::output::{IssuedKeyRow, KeyRow, Record};

pub(super) async fn run(command: KeysCommand, host: &Host) -> Outcome {
    let services = host.connect().await?;
    match command {
        KeysCommand::Create(args) => create(&services, host, args).await,
        KeysCommand::List { list } => list_keys(&services, host, &list).await,
        KeysCommand::Show { key } => {
            let key = find(&services, key).await?;
            host.output().one(&KeyRow { key: &key, now: now() })?;
            Ok(Done::All)
        }
        KeysCommand::Rotate { key, grace, confirm } => {
            rotate(&services, host, key, grace, confirm).await
        }
        KeysCommand::Revoke { key, confirm } => revoke(&services, host, key, confirm).await,
    }
}

async fn create(services: &Services, host: &Host, args: KeyCreateArgs) -> Outcome {
    let scopes = ApiScopes::new(args.scope)?;
    let params = NewApiKey { name: args.name, scopes, expires_in: args.expires_in };
    show_secret(host, &services.keys.create(&params).await?)?;
    Ok(Done::All)
}

/// The one time that a secret is shown.
fn show_secret(host: &Host, issued: &IssuedApiKey) -> Result<(), Failure> {
    host.output().one(&IssuedKeyRow(issued))?;
    note("keep the secret now: it can't be shown again");
    Ok(())
}

async fn list_keys(services: &Services, host: &Host, args: &ListArgs) -> Outcome {
    let now = now();
    let mut output = host.output();
    let list = output.list(KeyRow::COLUMNS);
    let fetch = async |request: &PageRequest| services.keys.list(request).await;
    pages::show(args, list, fetch, |list, key| list.push(&KeyRow { key, now })).await
}

async fn rotate(
    services: &Services,
    host: &Host,
    id: ApiKeyId,
    grace: Duration,
    confirm: ConfirmArgs,
) -> Outcome {
    let key = find(services, id).await?;
    let fate = if grace.is_zero() {
        "is useless from then on".to_owned()
    } else {
        format!("goes on for {} at most", format_duration(grace))
    };
    let title = format!("This key is to be replaced; its secret {fate}:");
    let (mut output, now) = (host.output(), now());
    preview(&mut output, confirm, &title, &[KeyRow { key: &key, now }])?;
    if !confirm.goes_on(&format!("Replace the key {}?", key.prefix))? {
        return Ok(Done::All);
    }
    show_secret(host, &services.keys.rotate(id, grace).await?)?;
    if grace.is_zero() {
        note(&format!("the old key {id} is revoked"));
    } else {
        note(&format!("the old key {id} goes on for {} at most", format_duration(grace)));
    }
    Ok(Done::All)
}

async fn revoke(services: &Services, host: &Host, id: ApiKeyId, confirm: ConfirmArgs) -> Outcome {
    let key = find(services, id).await?;
    let (mut output, now) = (host.output(), now());
    preview(&mut output, confirm, "This key is to be revoked:", &[KeyRow { key: &key, now }])?;
    if !confirm.goes_on(&format!("Revoke the key {}?", key.prefix))? {
        return Ok(Done::All);
    }
    let key = services.keys.revoke(id).await?;
    output.one(&KeyRow { key: &key, now: super::now() })?;
    Ok(Done::All)
}

async fn find(services: &Services, id: ApiKeyId) -> Result<ApiKey, Failure> {
    let found = services.keys.find_by_id(id).await?;
    Ok(found.ok_or_else(|| UserError::not_found("API key", id))?)
}
