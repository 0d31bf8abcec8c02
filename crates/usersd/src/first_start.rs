//! What a newcomer needs on an empty database: an admin.

use systemprompt_users::{CreateUserParams, DbPool, UserError, UserId, UserRole, UserService};

use crate::config::Config;
use crate::failure::Failure;

/// The name of the first admin.
const ADMIN: &str = "admin";

/// Makes the first admin where nobody is there at all, and answers with its id. Of several hosts that start at
/// once, one does.
pub(crate) async fn make_admin(pool: &DbPool, config: &Config) -> Result<Option<UserId>, Failure> {
    let users = UserService::new(pool)?;
    if users.find_first_user().await?.is_some() {
        return Ok(None);
    }
    let params = CreateUserParams {
        roles: vec![UserRole::Admin, UserRole::User],
        ..CreateUserParams::new(ADMIN, &config.admin_email)
    };
    match users.create(&params).await {
        Ok(admin) => {
            println!("usersd: the database was empty: made the admin `{ADMIN}`");
            Ok(Some(admin.id))
        }
        Err(UserError::NameAlreadyExists | UserError::EmailAlreadyExists) => Ok(None),
        Err(UserError::Validation { field: "email", message }) => {
            Err(Failure::setting("admin_email", message))
        }
        Err(error) => Err(error.into()),
    }
}
