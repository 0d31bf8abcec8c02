//! Which of several servers is the right one, in the words of libpq.

use std::fmt;

/// The value of `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Whichever answers.
    Any,
    /// One that takes changes: no standby, and not read-only by default.
    ReadWrite,
    /// One that takes none.
    ReadOnly,
    /// One that is no standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby, or else whichever answers.
    PreferStandby,
}

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role {
    /// It replays what another one commits.
    pub is_standby: bool,
    /// Transactions are read-only unless they say otherwise; always so on a standby.
    pub is_read_only: bool,
}

impl Target {
    pub(crate) const ALL: [Self; 6] = [
        Self::Any,
        Self::ReadWrite,
        Self::ReadOnly,
        Self::Primary,
        Self::Standby,
        Self::PreferStandby,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        }
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.as_str() == text)
    }

    /// Whether a server of that role is the right one. With a preference that is what is looked for first.
    pub(crate) const fn admits(self, role: Role) -> bool {
        match self {
            Self::Any => true,
            Self::ReadWrite => !role.is_standby && !role.is_read_only,
            Self::ReadOnly => role.is_standby || role.is_read_only,
            Self::Primary => !role.is_standby,
            Self::Standby | Self::PreferStandby => role.is_standby,
        }
    }

    /// What is looked for when nobody was admitted.
    pub(crate) fn otherwise(self) -> Option<Self> {
        (self == Self::PreferStandby).then_some(Self::Any)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_standby, self.is_read_only) {
            (true, _) => "a standby, which takes no changes",
            (false, true) => "read-only",
            (false, false) => "a primary",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_apart_as_libpq_does() {
        let primary = Role { is_standby: false, is_read_only: false };
        let fenced = Role { is_standby: false, is_read_only: true };
        let standby = Role { is_standby: true, is_read_only: true };
        for (target, admitted) in [
            (Target::Any, [true, true, true]),
            (Target::ReadWrite, [true, false, false]),
            (Target::ReadOnly, [false, true, true]),
            (Target::Primary, [true, true, false]),
            (Target::Standby, [false, false, true]),
            (Target::PreferStandby, [false, false, true]),
        ] {
            let admits = [primary, fenced, standby].map(|role| target.admits(role));
            assert_eq!(admits, admitted, "{target:?}");
            assert_eq!(Target::from_text(target.as_str()), Some(target));
        }
        assert_eq!(Target::from_text("master"), None);
    }
}
