//! What an API key may be used for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Result, UserError};

/// The one table of scopes: the name, the bit that it is stored as, the word, and what it is for. The documentation of
/// [`ApiScope`], of the HTTP API and of the page of API keys is made of it.
macro_rules! scopes {
    ($($name:ident $bit:literal $word:literal $meaning:literal)+) => {
        /// One thing that an API key may be used for.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[non_exhaustive]
        pub enum ApiScope {
            $(
                #[doc = $meaning]
                #[serde(rename = $word)]
                $name,
            )+
        }

        impl ApiScope {
            /// Every scope there is.
            pub const ALL: [Self; [$($bit),+].len()] = [$(Self::$name),+];

            /// The scope as text: `read`, `write`, `admin`, `forward-auth`, `bans`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// What it is for, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)+
                }
            }

            const fn bit(self) -> u8 {
                match self {
                    $(Self::$name => $bit,)+
                }
            }
        }
    };
}

scopes! {
    Read 1 "read"
        "Look at users, sessions, statistics, jobs and their events; not at bans, the allow-list or API keys."
    Write 2 "write"
        "Everything that `read` allows, and change users and sessions, but not those of admins."
    Admin 4 "admin"
        "Everything, also bans, API keys, one-time links, merging, purging, jobs and changes of admins."
    ForwardAuth 8 "forward-auth"
        "Ask whether a request may pass, at `/auth/verify`, and nothing else."
    Bans 16 "bans"
        "Look at bans and the allow-list and change them, and nothing else."
}

impl fmt::Display for ApiScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ApiScope {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self> {
        let wanted = text.trim();
        let found = Self::ALL.into_iter().find(|scope| scope.as_str().eq_ignore_ascii_case(wanted));
        found.ok_or_else(|| {
            invalid("expected scopes out of read, write, admin, forward-auth and bans")
        })
    }
}

/// The scopes of one API key: at least one.
///
/// ```
/// # use systemprompt_users_domain::{ApiScope, ApiScopes};
/// let scopes = ApiScopes::new([ApiScope::Write, ApiScope::Bans])?;
/// assert!(scopes.allows(ApiScope::Read), "who may change things may look at them");
/// assert!(!scopes.allows(ApiScope::ForwardAuth));
/// assert!(ApiScopes::new([]).is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<ApiScope>", into = "Vec<ApiScope>")]
pub struct ApiScopes(u8);

impl ApiScopes {
    /// Collects scopes; doubles are one.
    ///
    /// # Errors
    /// `Validation` of `scopes` when there is none.
    pub fn new(scopes: impl IntoIterator<Item = ApiScope>) -> Result<Self> {
        Self::from_bits(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Reads the stored form: from bit 0 on read, write, admin, forward-auth, bans.
    ///
    /// # Errors
    /// `Validation` of `scopes` when there is none, or a bit is of no known scope.
    pub fn from_bits(bits: u8) -> Result<Self> {
        let known = ApiScope::ALL.into_iter().fold(0, |known, scope| known | scope.bit());
        if bits == 0 {
            return Err(invalid("an API key has at least one scope"));
        }
        if bits & !known != 0 {
            return Err(invalid(format!("unknown scope bits {bits:#b}")));
        }
        Ok(Self(bits))
    }

    /// The stored form, see [`ApiScopes::from_bits`].
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The one rule: `Admin` allows everything, `Write` allows `Read`, and each scope itself.
    pub const fn allows(self, wanted: ApiScope) -> bool {
        let by_itself = self.contains(wanted);
        let by_admin = self.contains(ApiScope::Admin);
        let by_write = matches!(wanted, ApiScope::Read) && self.contains(ApiScope::Write);
        by_itself || by_admin || by_write
    }

    /// The scopes one by one, in the order of [`ApiScope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = ApiScope> {
        ApiScope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    const fn contains(self, scope: ApiScope) -> bool {
        self.0 & scope.bit() != 0
    }
}

impl fmt::Display for ApiScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { "," };
            write!(f, "{separator}{scope}")?;
        }
        Ok(())
    }
}

impl FromStr for ApiScopes {
    type Err = UserError;

    /// Reads a list separated by commas, as [`Display`](fmt::Display) writes it.
    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Self::new(parts.map(str::parse).collect::<Result<Vec<ApiScope>>>()?)
    }
}

impl TryFrom<Vec<ApiScope>> for ApiScopes {
    type Error = UserError;

    fn try_from(scopes: Vec<ApiScope>) -> Result<Self> {
        Self::new(scopes)
    }
}

impl From<ApiScopes> for Vec<ApiScope> {
    fn from(scopes: ApiScopes) -> Self {
        scopes.iter().collect()
    }
}

fn invalid(message: impl Into<String>) -> UserError {
    UserError::validation("scopes", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_allows_what_the_rule_says_and_nothing_else() {
        use ApiScope::{Admin, Bans, ForwardAuth, Read, Write};
        for (scope, allowed) in [
            (Read, vec![Read]),
            (Write, vec![Read, Write]),
            (Admin, vec![Read, Write, Admin, ForwardAuth, Bans]),
            (ForwardAuth, vec![ForwardAuth]),
            (Bans, vec![Bans]),
        ] {
            let scopes = ApiScopes::new([scope]).unwrap();
            for wanted in ApiScope::ALL {
                assert_eq!(scopes.allows(wanted), allowed.contains(&wanted), "{scope}, {wanted}");
            }
        }
    }

    #[test]
    fn text_json_and_bits_come_back() {
        let some: ApiScopes = "bans, FORWARD-AUTH".parse().unwrap();
        assert_eq!(some.to_string(), "forward-auth,bans");
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"["forward-auth","bans"]"#);
        assert_eq!(serde_json::from_str::<ApiScopes>(r#"["bans","forward-auth"]"#).unwrap(), some);
        assert_eq!(ApiScopes::from_bits(some.bits()).unwrap(), some);
        assert!(ApiScopes::from_bits(32).is_err());
        assert!(serde_json::from_str::<ApiScopes>("[]").is_err());
        assert_eq!("root".parse::<ApiScope>().unwrap_err().field(), Some("scopes"));
    }
}
