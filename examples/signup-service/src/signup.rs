//! Signing up: the one place of this host that turns a visitor into a user.

use std::sync::Arc;

use systemprompt_users::{
    AnonymousPromotion, CreateUserParams, User, UserError, UserId, UserProvider, UserService,
};

/// Domains whose mail is read by everybody; nobody signs up with them.
const THROW_AWAY: [&str; 2] = ["mailinator.example", "trashmail.example"];

/// Signs people up.
#[derive(Clone)]
pub struct Signup {
    people: Arc<dyn UserProvider>,
    users: UserService,
}

/// Somebody at the sign-up form.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// The handle that was typed.
    pub name: &'a str,
    /// The email that was typed.
    pub email: &'a str,
    /// The anonymous user of the visit so far, whose sessions go on.
    pub anonymous: Option<UserId>,
}

/// Why nobody was signed up.
#[derive(Debug, thiserror::Error)]
pub enum SignupError {
    /// The domain is one of those that everybody reads.
    #[error("this email can't be used here")]
    ThrowAwayEmail,
    /// Offer to sign in instead: who types an address has not proved that it is theirs.
    #[error("there is an account with this email or name; sign in instead")]
    KnownAlready,
    /// Anything else, with the field at fault where there is one.
    #[error(transparent)]
    Users(#[from] UserError),
}

impl Signup {
    /// `people` finds and creates; `users` promotes visitors, which is beyond a provider.
    pub fn new(people: Arc<dyn UserProvider>, users: UserService) -> Self {
        Self { people, users }
    }

    /// Makes the visitor a registered user.
    ///
    /// # Errors
    /// `ThrowAwayEmail`, `KnownAlready`, or what the library says of name and email.
    pub async fn register(&self, visitor: &Visitor<'_>) -> Result<User, SignupError> {
        let domain = visitor.email.rsplit('@').next().unwrap_or_default().trim().to_lowercase();
        if THROW_AWAY.contains(&domain.as_str()) {
            return Err(SignupError::ThrowAwayEmail);
        }
        let registered = match visitor.anonymous {
            Some(id) => {
                let promotion = AnonymousPromotion {
                    name: visitor.name.to_owned(),
                    email: visitor.email.to_owned(),
                    full_name: None,
                };
                self.users.promote_anonymous(id, &promotion).await
            }
            None => {
                let params = CreateUserParams::new(visitor.name, visitor.email);
                self.people.create_user(&params).await
            }
        };
        // No look before the leap: the storage alone knows who was first.
        registered.map_err(|error| match error {
            UserError::EmailAlreadyExists | UserError::NameAlreadyExists => {
                SignupError::KnownAlready
            }
            other => SignupError::Users(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use systemprompt_users::{DbPool, MockStorage, MockUserProvider, NewSession, SessionService};

    use super::*;

    fn visitor<'a>(name: &'a str, email: &'a str) -> Visitor<'a> {
        Visitor { name, email, anonymous: None }
    }

    /// A `UserService` that must not be asked: no unit of work is prepared for it.
    fn untouched() -> UserService {
        UserService::new(&MockStorage::default()).unwrap()
    }

    #[tokio::test]
    async fn a_known_email_is_told_apart_by_a_mocked_provider() {
        let mut people = MockUserProvider::new();
        people
            .expect_create_user()
            .withf(|params| params.email == "ada@example.com")
            .times(1)
            .returning(|_| Err(UserError::EmailAlreadyExists));
        let signup = Signup::new(Arc::new(people), untouched());
        let refused = signup.register(&visitor("ada", "ada@example.com")).await;
        assert!(matches!(refused, Err(SignupError::KnownAlready)));
    }

    #[tokio::test]
    async fn a_throw_away_email_asks_nobody() {
        let signup = Signup::new(Arc::new(MockUserProvider::new()), untouched());
        for email in ["eve@mailinator.example", "eve@TrashMail.example "] {
            let refused = signup.register(&visitor("eve", email)).await;
            assert!(matches!(refused, Err(SignupError::ThrowAwayEmail)), "{email}");
        }
    }

    #[tokio::test]
    async fn a_visitor_keeps_its_session_on_the_memory_backend() {
        let db_pool = DbPool::connect("memory:").await.unwrap();
        let users = UserService::new(&db_pool).unwrap();
        let sessions = SessionService::new(&db_pool).unwrap();
        let signup = Signup::new(Arc::new(users.clone()), users.clone());
        let anonymous = users.create_anonymous(None).await.unwrap().user.id;
        let token = sessions.create(anonymous, &NewSession::default()).await.unwrap().token;

        let form = Visitor { anonymous: Some(anonymous), ..visitor("ada", "ada@example.com") };
        let ada = signup.register(&form).await.unwrap();
        assert_eq!(ada.id, anonymous);
        let valid = sessions.validate(&token.reveal()).await.unwrap().unwrap();
        assert!(!valid.user.is_anonymous());

        let again = signup.register(&visitor("ADA", "other@example.com")).await;
        assert!(matches!(again, Err(SignupError::KnownAlready)));
        let refused = signup.register(&visitor("two words", "eve@example.com")).await.unwrap_err();
        assert!(matches!(&refused, SignupError::Users(error) if error.field() == Some("name")));
    }
}
