//! What happened: typed, append-only, readable in order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Actor, ApiKeyId, ApiScope, ApiScopes, BanEnd, EndReason, EventId, IpTarget, Roles, SessionId,
    UserId, UserStatus,
};

/// Something that happened, as it is appended. It holds no personal data: names of fields, not values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The identity.
    pub id: EventId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: Actor,
    /// What changed, on whom.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// An event at its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedEvent {
    /// Where it stands; later events stand higher.
    pub position: EventPosition,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A place in the log. `EventPosition::START` is before all events.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EventPosition(pub i64);

impl EventPosition {
    /// Before the first event.
    pub const START: Self = Self(0);
}

impl std::fmt::Display for EventPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A user was created.
    UserCreated {
        /// Who.
        user_id: UserId,
        /// With these roles.
        roles: Roles,
    },
    /// Fields of a user changed.
    UserUpdated {
        /// Who.
        user_id: UserId,
        /// Which fields.
        fields: Vec<ProfileField>,
    },
    /// An anonymous user registered: it has a name, an email that is not verified, and the role user. A full name
    /// that it got with that is told by a `UserUpdated` behind this.
    AnonymousPromoted {
        /// Who.
        user_id: UserId,
    },
    /// A user was suspended or activated.
    StatusChanged {
        /// Who.
        user_id: UserId,
        /// From this status.
        from: UserStatus,
        /// To this one.
        to: UserStatus,
    },
    /// A user got other roles.
    RolesChanged {
        /// Who.
        user_id: UserId,
        /// From these.
        from: Roles,
        /// To these.
        to: Roles,
    },
    /// A user was deleted, restorably.
    UserDeleted {
        /// Who.
        user_id: UserId,
    },
    /// A deleted user is back.
    UserRestored {
        /// Who.
        user_id: UserId,
        /// At this status.
        status: UserStatus,
    },
    /// A legal hold was placed or lifted.
    LegalHoldChanged {
        /// On whom.
        user_id: UserId,
        /// Whether it holds now.
        held: bool,
    },
    /// A deleted user's rows are gone for good.
    UserPurged {
        /// Who.
        user_id: UserId,
    },
    /// A user was merged into another. What the other gained by it, roles and blanks of the profile, is told by a
    /// `RolesChanged` and a `UserUpdated` behind this.
    UserMerged {
        /// Who is gone.
        user_id: UserId,
        /// Who has it all now.
        into: UserId,
        /// How many sessions moved.
        sessions: u64,
        /// How many ban associations moved.
        bans: u64,
    },
    /// A session began.
    SessionStarted {
        /// Whose.
        user_id: UserId,
        /// Which.
        session_id: SessionId,
    },
    /// Sessions of a user ended.
    SessionsEnded {
        /// Whose.
        user_id: UserId,
        /// Which.
        session_ids: Vec<SessionId>,
        /// Why.
        reason: EndReason,
    },
    /// A target was banned, or banned again.
    IpBanned {
        /// What.
        target: IpTarget,
        /// When the ban in force ends now.
        until: BanEnd,
    },
    /// All bans of a target were lifted.
    IpUnbanned {
        /// What.
        target: IpTarget,
    },
    /// A network was put on the allow-list.
    NetworkAllowed {
        /// Which.
        target: IpTarget,
    },
    /// A network was taken off the allow-list.
    NetworkDisallowed {
        /// Which.
        target: IpTarget,
    },
    /// An API key was made.
    ApiKeyCreated {
        /// Which.
        key_id: ApiKeyId,
        /// For what.
        scopes: ApiScopes,
    },
    /// An API key was replaced by a new one.
    ApiKeyRotated {
        /// Which.
        key_id: ApiKeyId,
        /// By which.
        into: ApiKeyId,
    },
    /// An API key was revoked.
    ApiKeyRevoked {
        /// Which.
        key_id: ApiKeyId,
    },
    /// A one-time link was made.
    SignInLinkCreated {
        /// For whom.
        user_id: UserId,
    },
    /// Sessions that had run out were marked as ended, or rows past their retention were dropped.
    RecordsCleaned {
        /// What they were: `expired_sessions`, or `sessions`, `bans`, `events`, `job_runs`,
        /// `sign_in_links`, `remembered_requests`.
        what: String,
        /// How many.
        count: u64,
    },
    /// A change was refused for a reason that an auditor wants to know.
    ChangeRefused {
        /// On whom it was tried.
        user_id: UserId,
        /// What was tried.
        operation: RefusedOperation,
        /// Why it was refused, as [`crate::UserError::code`] says it.
        reason: String,
    },
}

/// A change that would have removed the last active admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusedOperation {
    /// Other roles.
    ChangeRoles,
    /// A suspension.
    Suspend,
    /// A deletion.
    Delete,
    /// A merge.
    Merge,
}

/// A field of a user's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProfileField {
    /// The handle.
    Name,
    /// The email.
    Email,
    /// Whether the email is verified.
    EmailVerified,
    /// The person's full name.
    FullName,
    /// The name shown to others.
    DisplayName,
    /// The picture.
    AvatarUrl,
    /// Whether a program is behind it.
    IsBot,
}

impl EventKind {
    /// The user it is about.
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::UserCreated { user_id, .. }
            | Self::UserUpdated { user_id, .. }
            | Self::AnonymousPromoted { user_id }
            | Self::StatusChanged { user_id, .. }
            | Self::RolesChanged { user_id, .. }
            | Self::UserDeleted { user_id }
            | Self::UserRestored { user_id, .. }
            | Self::LegalHoldChanged { user_id, .. }
            | Self::UserPurged { user_id }
            | Self::UserMerged { user_id, .. }
            | Self::SessionStarted { user_id, .. }
            | Self::SessionsEnded { user_id, .. }
            | Self::SignInLinkCreated { user_id }
            | Self::ChangeRefused { user_id, .. } => Some(*user_id),
            Self::IpBanned { .. }
            | Self::IpUnbanned { .. }
            | Self::NetworkAllowed { .. }
            | Self::NetworkDisallowed { .. }
            | Self::ApiKeyCreated { .. }
            | Self::ApiKeyRotated { .. }
            | Self::ApiKeyRevoked { .. }
            | Self::RecordsCleaned { .. } => None,
        }
    }

    /// The address or network it is about.
    pub const fn target(&self) -> Option<IpTarget> {
        match self {
            Self::IpBanned { target, .. }
            | Self::IpUnbanned { target }
            | Self::NetworkAllowed { target }
            | Self::NetworkDisallowed { target } => Some(*target),
            _ => None,
        }
    }

    /// The scope that it takes to see an event of this kind: the scope that it takes to look at what it is about. This is
    /// the one table; who lacks the scope is told of other events as if this one were not there.
    pub fn required_scope(&self) -> ApiScope {
        match self {
            Self::UserCreated { .. }
            | Self::UserUpdated { .. }
            | Self::AnonymousPromoted { .. }
            | Self::StatusChanged { .. }
            | Self::RolesChanged { .. }
            | Self::UserDeleted { .. }
            | Self::UserRestored { .. }
            | Self::LegalHoldChanged { .. }
            | Self::UserPurged { .. }
            | Self::UserMerged { .. }
            | Self::SessionStarted { .. }
            | Self::SessionsEnded { .. }
            | Self::ChangeRefused { .. } => ApiScope::Read,
            Self::IpBanned { .. }
            | Self::IpUnbanned { .. }
            | Self::NetworkAllowed { .. }
            | Self::NetworkDisallowed { .. } => ApiScope::Bans,
            Self::ApiKeyCreated { .. }
            | Self::ApiKeyRotated { .. }
            | Self::ApiKeyRevoked { .. }
            | Self::SignInLinkCreated { .. } => ApiScope::Admin,
            Self::RecordsCleaned { what, .. } => match what.as_str() {
                "expired_sessions" | "sessions" | "events" | "job_runs" => ApiScope::Read,
                "bans" => ApiScope::Bans,
                _ => ApiScope::Admin,
            },
        }
    }

    /// The kind as text: the value of `kind` where it is serialized.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UserCreated { .. } => "user_created",
            Self::UserUpdated { .. } => "user_updated",
            Self::AnonymousPromoted { .. } => "anonymous_promoted",
            Self::StatusChanged { .. } => "status_changed",
            Self::RolesChanged { .. } => "roles_changed",
            Self::UserDeleted { .. } => "user_deleted",
            Self::UserRestored { .. } => "user_restored",
            Self::LegalHoldChanged { .. } => "legal_hold_changed",
            Self::UserPurged { .. } => "user_purged",
            Self::UserMerged { .. } => "user_merged",
            Self::SessionStarted { .. } => "session_started",
            Self::SessionsEnded { .. } => "sessions_ended",
            Self::IpBanned { .. } => "ip_banned",
            Self::IpUnbanned { .. } => "ip_unbanned",
            Self::NetworkAllowed { .. } => "network_allowed",
            Self::NetworkDisallowed { .. } => "network_disallowed",
            Self::ApiKeyCreated { .. } => "api_key_created",
            Self::ApiKeyRotated { .. } => "api_key_rotated",
            Self::ApiKeyRevoked { .. } => "api_key_revoked",
            Self::SignInLinkCreated { .. } => "sign_in_link_created",
            Self::RecordsCleaned { .. } => "records_cleaned",
            Self::ChangeRefused { .. } => "change_refused",
        }
    }
}

/// Which events are wanted; all conditions must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// About this user.
    pub user_id: Option<UserId>,
    /// About exactly this address or network.
    pub target: Option<IpTarget>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_takes_the_scope_of_what_it_is_about() {
        let key_id = ApiKeyId::from_uuid(uuid::Uuid::from_u128(1));
        let user_id = UserId::from_uuid(uuid::Uuid::from_u128(2));
        let target: IpTarget = "192.0.2.1".parse().unwrap();
        let cleaned = |what: &str| EventKind::RecordsCleaned { what: what.into(), count: 1 };
        for (kind, scope) in [
            (EventKind::UserDeleted { user_id }, ApiScope::Read),
            (EventKind::IpUnbanned { target }, ApiScope::Bans),
            (EventKind::NetworkAllowed { target }, ApiScope::Bans),
            (EventKind::ApiKeyRevoked { key_id }, ApiScope::Admin),
            (EventKind::SignInLinkCreated { user_id }, ApiScope::Admin),
            (cleaned("sessions"), ApiScope::Read),
            (cleaned("bans"), ApiScope::Bans),
            (cleaned("remembered_requests"), ApiScope::Admin),
        ] {
            assert_eq!(kind.required_scope(), scope, "{kind:?}");
        }
    }

    #[test]
    fn an_event_survives_json_and_names_its_kind() {
        let user_id = UserId::from_uuid(uuid::Uuid::from_u128(9));
        let event = Event {
            id: EventId::from_uuid(uuid::Uuid::from_u128(8)),
            at: DateTime::UNIX_EPOCH,
            actor: Actor::Operator("root".into()),
            kind: EventKind::RolesChanged { user_id, from: Roles::USER, to: Roles::USER },
        };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["kind"], event.kind.name());
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }
}
