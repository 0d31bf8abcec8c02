//! Roles and the sets of them that a user may hold.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Result, UserError};

/// What a user may do.
///
/// ```
/// # use systemprompt_users_domain::UserRole;
/// assert_eq!("admin".parse::<UserRole>()?, UserRole::Admin);
/// assert!("root".parse::<UserRole>().is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UserRole {
    /// Manages users, sessions and bans.
    Admin,
    /// A registered user.
    User,
    /// A visitor who has not registered; held alone.
    Anonymous,
}

impl UserRole {
    /// Every role there is.
    pub const ALL: [Self; 3] = [Self::Admin, Self::User, Self::Anonymous];

    /// The role as text: `admin`, `user`, `anonymous`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
            Self::Anonymous => "anonymous",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Admin => 1,
            Self::User => 2,
            Self::Anonymous => 4,
        }
    }
}

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for UserRole {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self> {
        let wanted = text.trim();
        Self::ALL
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(wanted))
            .ok_or_else(|| UserError::InvalidRole(wanted.chars().take(64).collect()))
    }
}

/// The roles of one user: at least one, and `Anonymous` only alone.
///
/// ```
/// # use systemprompt_users_domain::{Roles, UserRole};
/// let roles = Roles::new([UserRole::User, UserRole::Admin])?;
/// assert!(roles.contains(UserRole::Admin));
/// assert!(Roles::new([UserRole::Admin, UserRole::Anonymous]).is_err());
/// assert!(Roles::new([]).is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<UserRole>", into = "Vec<UserRole>")]
pub struct Roles(u8);

impl Roles {
    /// The roles of a registered user.
    pub const USER: Self = Self(UserRole::User.bit());
    /// The roles of a visitor.
    pub const ANONYMOUS: Self = Self(UserRole::Anonymous.bit());

    /// Collects roles; doubles are one.
    ///
    /// # Errors
    /// `InvalidRoles` when there is none, or `Anonymous` beside another.
    pub fn new(roles: impl IntoIterator<Item = UserRole>) -> Result<Self> {
        Self::from_bits(roles.into_iter().fold(0, |bits, role| bits | role.bit()))
    }

    /// Reads the stored form: bit 0 is admin, bit 1 user, bit 2 anonymous.
    ///
    /// # Errors
    /// `InvalidRoles` as for [`Roles::new`], or when a bit is of no known role.
    pub fn from_bits(bits: u8) -> Result<Self> {
        let known = UserRole::ALL.into_iter().fold(0, |known, role| known | role.bit());
        let anonymous = UserRole::Anonymous.bit();
        if bits == 0 {
            return Err(UserError::InvalidRoles("a user holds at least one role".into()));
        }
        if bits & !known != 0 {
            return Err(UserError::InvalidRoles(format!("unknown role bits {bits:#b}")));
        }
        if bits & anonymous != 0 && bits != anonymous {
            return Err(UserError::InvalidRoles("anonymous stands alone".into()));
        }
        Ok(Self(bits))
    }

    /// The stored form, see [`Roles::from_bits`].
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether `role` is among them.
    pub const fn contains(self, role: UserRole) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether these are a visitor's roles.
    pub const fn is_anonymous(self) -> bool {
        self.contains(UserRole::Anonymous)
    }

    /// The roles one by one, in the order of [`UserRole::ALL`].
    pub fn iter(self) -> impl Iterator<Item = UserRole> {
        UserRole::ALL.into_iter().filter(move |role| self.contains(*role))
    }

    /// The same with `role` added.
    ///
    /// # Errors
    /// `InvalidRoles` when `Anonymous` would not stand alone.
    pub fn with(self, role: UserRole) -> Result<Self> {
        Self::from_bits(self.0 | role.bit())
    }

    /// The same with `role` taken away.
    ///
    /// # Errors
    /// `InvalidRoles` when it is the only one.
    pub fn without(self, role: UserRole) -> Result<Self> {
        Self::from_bits(self.0 & !role.bit())
    }

    /// All roles of both.
    ///
    /// # Errors
    /// `InvalidRoles` when one of them is anonymous and the other is not.
    pub fn union(self, other: Self) -> Result<Self> {
        Self::from_bits(self.0 | other.0)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, role) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { "," };
            write!(f, "{separator}{role}")?;
        }
        Ok(())
    }
}

impl FromStr for Roles {
    type Err = UserError;

    /// Reads a list separated by commas, as [`Display`](fmt::Display) writes it.
    fn from_str(text: &str) -> Result<Self> {
        let roles = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect::<Result<Vec<UserRole>>>()?;
        Self::new(roles)
    }
}

impl TryFrom<Vec<UserRole>> for Roles {
    type Error = UserError;

    fn try_from(roles: Vec<UserRole>) -> Result<Self> {
        Self::new(roles)
    }
}

impl From<Roles> for Vec<UserRole> {
    fn from(roles: Roles) -> Self {
        roles.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_role_stays() {
        assert!(matches!(Roles::USER.without(UserRole::User), Err(UserError::InvalidRoles(_))));
        assert_eq!(Roles::USER.without(UserRole::Admin).unwrap(), Roles::USER);
    }

    #[test]
    fn text_and_bits_come_back() {
        let both: Roles = "user, ADMIN".parse().unwrap();
        assert_eq!(both.to_string(), "admin,user");
        assert_eq!(Roles::from_bits(both.bits()).unwrap(), both);
        assert!(Roles::from_bits(8).is_err());
        assert!(
            matches!("user,root".parse::<Roles>(), Err(UserError::InvalidRole(name)) if name == "root")
        );
    }
}
