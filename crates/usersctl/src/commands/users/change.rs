//! Creating and updating users.

use systemprompt_users::{CreateUserParams, Email, EnsureResult, Patch, UpdateUserParams};

use super::super::lookup;
use crate::cli::{ClearField, CreateArgs, UpdateArgs};
use crate::exit::{Done, Failure, Outcome};
use crate::host::{Host, Services};
use crate::output::{EnsuredRow, UserRow};

pub(super) async fn create(services: &Services, host: &Host, args: CreateArgs) -> Outcome {
    let params = CreateUserParams {
        name: args.name,
        email: args.email,
        full_name: args.full_name,
        display_name: args.display_name,
        avatar_url: args.avatar_url,
        roles: args.role,
        email_verified: args.verified,
        is_bot: args.bot,
    };
    let mut output = host.output();
    if !args.ensure {
        output.one(&UserRow(&services.users.create(&params).await?))?;
        return Ok(Done::All);
    }
    let result = services.users.ensure(&params).await?;
    let outcome = match &result {
        EnsureResult::Created(_) => "created",
        EnsureResult::Existing(_) => "existing",
        EnsureResult::Changed(_) => "changed",
    };
    output.one(&EnsuredRow { user: &result.into_user(), outcome })?;
    Ok(Done::All)
}

pub(super) async fn update(services: &Services, host: &Host, args: UpdateArgs) -> Outcome {
    let patch = |field: ClearField, option: &str, value: Option<String>| match value {
        Some(_) if args.clear.contains(&field) => {
            Err(Failure::Usage(format!("{option} is both set and cleared")))
        }
        Some(value) => Ok(Patch::Set(value)),
        None if args.clear.contains(&field) => Ok(Patch::Clear),
        None => Ok(Patch::Keep),
    };
    let mut params = UpdateUserParams {
        name: args.name,
        email: args.email,
        full_name: patch(ClearField::FullName, "--full-name", args.full_name)?,
        display_name: patch(ClearField::DisplayName, "--display-name", args.display_name)?,
        avatar_url: patch(ClearField::AvatarUrl, "--avatar-url", args.avatar_url)?,
        email_verified: args.verified,
        verified_email: args.verified_email,
        is_bot: args.bot,
        expected_version: args.expect_version,
    };
    let nothing =
        UpdateUserParams { expected_version: args.expect_version, ..UpdateUserParams::default() };
    if params == nothing {
        return Err(Failure::Usage("say what to change: --name, --full-name, --clear, ...".into()));
    }
    let user = lookup::live_user(services, &args.user).await?;
    // Who names the user by the email names the address that was verified.
    let by_email =
        || Email::parse(&args.user).ok().filter(|named| user.email.as_ref() == Some(named));
    if params.email_verified.is_some() && params.verified_email.is_none() && params.email.is_none()
    {
        params.verified_email = by_email().map(|email| email.to_string());
    }
    if params.email_verified == Some(true)
        && params.verified_email.is_none()
        && params.email.is_none()
        && params.expected_version.is_none()
    {
        let message = "say which address was verified: --verified-email ADDRESS";
        return Err(Failure::Usage(message.into()));
    }
    let user = services.users.update(user.id, &params).await?;
    host.output().one(&UserRow(&user))?;
    Ok(Done::All)
}
