//! Which users a list, a search, a count or an export is about.

use serde::Deserialize;
use systemprompt_users_domain::{AnonymousScope, UserOrder, UserScope};
use utoipa::ToSchema;

/// In which order users are listed.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Created last first.
    #[default]
    Newest,
    /// Created first first.
    Oldest,
    /// Seen last first.
    RecentlyActive,
    /// By name.
    Name,
}

impl From<Order> for UserOrder {
    fn from(order: Order) -> Self {
        match order {
            Order::Newest => Self::Newest,
            Order::Oldest => Self::Oldest,
            Order::RecentlyActive => Self::RecentlyActive,
            Order::Name => Self::Name,
        }
    }
}

/// Whether some users are in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Inclusion {
    /// They are left out.
    #[default]
    Exclude,
    /// They are in like all others.
    Include,
    /// Only they are in.
    Only,
}

impl From<Inclusion> for AnonymousScope {
    fn from(anonymous: Inclusion) -> Self {
        match anonymous {
            Inclusion::Exclude => Self::Exclude,
            Inclusion::Include => Self::Include,
            Inclusion::Only => Self::Only,
        }
    }
}

impl From<Inclusion> for UserScope {
    fn from(deleted: Inclusion) -> Self {
        match deleted {
            Inclusion::Exclude => Self::Live,
            Inclusion::Include => Self::All,
            Inclusion::Only => Self::Deleted,
        }
    }
}

/// Defines the query of a route: all filters, and what else it takes. (A flattened struct would let unknown
/// parameters pass.)
macro_rules! filtered_query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            $($(#[$field_doc])* $field: $type,)*
            /// Of any of these statuses, separated by commas. To name `deleted` asks for deleted users too.
            #[serde(default)]
            #[param(value_type = Vec<$crate::api::users::Status>, style = Form, explode = false, min_items = 1)]
            status: $crate::api::users::params::CommaList<$crate::api::users::Status>,
            /// Holding any of these roles, separated by commas. To name `anonymous` asks for anonymous users.
            #[serde(default)]
            #[param(value_type = Vec<$crate::api::users::Role>, style = Form, explode = false, min_items = 1)]
            role: $crate::api::users::params::CommaList<$crate::api::users::Role>,
            /// Whether anonymous users are in.
            #[serde(default)]
            #[param(inline, default = "exclude")]
            anonymous: $crate::api::users::filter::Inclusion,
            /// Whether deleted users are in.
            #[serde(default)]
            #[param(inline, default = "exclude")]
            deleted: $crate::api::users::filter::Inclusion,
            /// Created then or later.
            created_from: Option<chrono::DateTime<chrono::Utc>>,
            /// Created before.
            created_until: Option<chrono::DateTime<chrono::Utc>>,
            /// Last seen then or later.
            active_from: Option<chrono::DateTime<chrono::Utc>>,
            /// Last seen before.
            active_until: Option<chrono::DateTime<chrono::Utc>>,
            /// Whether the email is verified.
            email_verified: Option<bool>,
            /// Whether a program is behind the user.
            is_bot: Option<bool>,
        }

        impl $name {
            /// The filter that is meant.
            pub(crate) fn filter(&self) -> systemprompt_users_domain::UserFilter {
                use systemprompt_users_domain::{TimeRange, UserFilter, UserScope, UserStatus};

                let statuses: Vec<UserStatus> =
                    self.status.0.iter().map(|status| (*status).into()).collect();
                let scope = match UserScope::from(self.deleted) {
                    UserScope::Live if statuses.contains(&UserStatus::Deleted) => UserScope::All,
                    scope => scope,
                };
                UserFilter {
                    scope,
                    statuses,
                    roles: self.role.0.iter().map(|role| (*role).into()).collect(),
                    anonymous: self.anonymous.into(),
                    created: TimeRange { from: self.created_from, until: self.created_until },
                    last_active: TimeRange { from: self.active_from, until: self.active_until },
                    email_verified: self.email_verified,
                    is_bot: self.is_bot,
                }
            }
        }
    };
}
pub(crate) use filtered_query;
