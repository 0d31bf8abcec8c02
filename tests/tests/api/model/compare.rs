//! Comparing all that can be asked with what the model says.

use std::collections::BTreeSet;

use chrono::Duration;
use systemprompt_users::{
    AnonymousScope, BanFactKind, Page, PageRequest, TimeRange, User, UserFilter, UserOrder,
    UserRole, UserScope, UserStats, UserStatus,
};

use super::bans::Fact;
use super::command::{Number, TARGETS};
use super::people::{ANONYMOUS, Person};
use super::real::Real;
use super::sittings::Sitting;
use super::world::World;

impl Real {
    /// Checks everything but the answer and the log.
    pub(crate) fn compare(&self, world: &World) {
        self.runtime.block_on(async {
            self.compare_people(world).await;
            self.compare_orders(world).await;
            self.compare_figures(world).await;
            self.compare_sittings(world).await;
            self.compare_bans(world).await;
        });
    }

    async fn compare_people(&self, world: &World) {
        let everybody = UserFilter {
            scope: UserScope::All,
            anonymous: AnonymousScope::Include,
            ..UserFilter::default()
        };
        let users = self.list(&everybody, UserOrder::Oldest, 1000).await;
        let real: Vec<(Number, Person)> =
            users.into_iter().map(|user| (self.number(user.id), self.person(user))).collect();
        let model: Vec<(Number, Person)> =
            world.everybody().map(|(n, person)| (n, person.clone())).collect();
        assert_eq!(real, model);
        // Of those who can be looked up, another one after each command.
        let registered: Vec<_> = world.registered().collect();
        let turn = usize::try_from(world.now.timestamp()).unwrap() % registered.len().max(1);
        if let Some((n, person)) = registered.get(turn) {
            let id = Some(self.users[*n]);
            let found = self.host.users.find_by_name(&person.name.to_uppercase()).await.unwrap();
            assert_eq!(found.map(|user| user.id), id);
            let email = person.email.clone().unwrap();
            let found = self.host.users.find_by_email(&email.to_uppercase()).await.unwrap();
            assert_eq!(found.map(|user| user.id), id);
        }
    }

    async fn list(&self, filter: &UserFilter, order: UserOrder, limit: i64) -> Vec<User> {
        let mut users = Vec::new();
        let mut request = PageRequest::new(limit).unwrap();
        loop {
            let Page { items, next } = self.host.users.list(filter, order, &request).await.unwrap();
            users.extend(items);
            match next {
                Some(next) => request = request.after(Some(next)),
                None => return users,
            }
        }
    }

    fn numbers(&self, users: &[User]) -> Vec<Number> {
        users.iter().map(|user| self.number(user.id)).collect()
    }

    async fn compare_orders(&self, world: &World) {
        let filter = UserFilter::default();
        let mut by_name: Vec<(String, Number)> =
            world.registered().map(|(n, person)| (person.name.to_lowercase(), n)).collect();
        by_name.sort();
        let by_name: Vec<Number> = by_name.into_iter().map(|(_, n)| n).collect();
        let listed = self.list(&filter, UserOrder::Name, 2).await;
        assert_eq!(self.numbers(&listed), by_name, "by name");

        // Whoever is seen at one moment is in the order of ids, which is that of numbers.
        let mut by_activity: Vec<_> =
            world.registered().map(|(n, person)| (person.seen, n)).collect();
        by_activity.sort();
        let by_activity: Vec<Number> = by_activity.into_iter().rev().map(|(_, n)| n).collect();
        let listed = self.list(&filter, UserOrder::RecentlyActive, 3).await;
        assert_eq!(self.numbers(&listed), by_activity, "by activity");

        for text in ["a", "ada", "example", "%"] {
            let page = PageRequest::default();
            let found = self.host.users.search(text, &filter, &page).await.unwrap();
            assert_eq!(self.numbers(&found.items), world.search(text), "search for {text}");
        }
    }

    async fn compare_figures(&self, world: &World) {
        let breakdown = self.host.users.count_with_breakdown().await.unwrap();
        for status in UserStatus::ALL {
            assert_eq!(breakdown.by_status[&status], world.count_status(status), "{status}");
        }
        for role in UserRole::ALL {
            assert_eq!(breakdown.by_role[&role], world.count_role(role), "{role}");
        }
        let registered = || world.registered();
        let total = registered().count() as u64;
        let since = |days| {
            let since = world.now - Duration::days(days);
            registered().filter(|(_, person)| person.created >= since).count() as u64
        };
        let admins = registered().filter(|(_, person)| person.roles.contains(&UserRole::Admin));
        let expected = UserStats {
            total,
            created_24h: since(1),
            created_7d: since(7),
            created_30d: since(30),
            active: world.count_status(UserStatus::Active),
            suspended: world.count_status(UserStatus::Suspended),
            admins: admins.count() as u64,
            anonymous: world.count_role(UserRole::Anonymous),
            bots: 0,
            oldest: registered().map(|(_, person)| person.created).min(),
            newest: registered().map(|(_, person)| person.created).max(),
        };
        assert_eq!(self.host.users.get_stats().await.unwrap(), expected);
        let verified = UserFilter {
            email_verified: Some(true),
            last_active: TimeRange::since(world.now - Duration::days(1)),
            ..UserFilter::default()
        };
        let expected = registered()
            .filter(|(_, person)| person.verified && verified.last_active.contains(person.seen));
        let count = self.host.users.count(&verified).await.unwrap();
        assert_eq!(count, expected.count() as u64, "verified and seen today");
    }

    async fn compare_sittings(&self, world: &World) {
        let page = PageRequest::new(1000).unwrap();
        let listed = self.host.sessions.list_recent(&page).await.unwrap().items;
        let mut real: Vec<(Number, Sitting)> = listed
            .into_iter()
            .map(|session| {
                let number = self.sessions.iter().position(|id| *id == session.id).unwrap();
                let sitting = Sitting {
                    user: self.number(session.user_id),
                    started: session.started_at,
                    used: session.last_activity_at,
                    ended: session.ended_at.zip(session.end_reason.map(|reason| reason.as_str())),
                };
                (number, sitting)
            })
            .collect();
        real.reverse();
        let sittings = || world.sittings.iter().enumerate();
        let model: Vec<(Number, Sitting)> =
            sittings().filter_map(|(n, sitting)| Some((n, sitting.clone()?))).collect();
        assert_eq!(real, model);

        let live = self.host.sessions.list_all_active(&page).await.unwrap().items;
        let live: BTreeSet<_> = live.into_iter().map(|session| session.id).collect();
        let open = model.iter().filter(|(_, sitting)| sitting.is_open(world.now));
        assert_eq!(live, open.map(|(n, _)| self.sessions[*n]).collect());
    }

    async fn compare_bans(&self, world: &World) {
        let bans = &self.host.bans;
        for target in TARGETS {
            let facts = self.host.ban_history(target).await.into_iter().rev().map(|fact| {
                let user = fact.user_id.map(|user| self.number(user));
                match fact.kind {
                    BanFactKind::Banned { until } => Fact::Banned { until: until.time(), user },
                    BanFactKind::Lifted => Fact::Lifted { at: fact.at },
                }
            });
            let expected = world.ledgers.get(target).cloned().unwrap_or_default();
            assert_eq!(facts.collect::<Vec<_>>(), expected, "history of {target}");
            let is_banned = bans.is_banned(target).await.unwrap();
            assert_eq!(is_banned, world.is_kept_out(target), "is {target} banned?");
        }
        let in_force: BTreeSet<String> = TARGETS
            .iter()
            .filter(|target| world.is_in_force(target))
            .map(|target| target.to_string())
            .collect();
        assert_eq!(bans.count_active_bans().await.unwrap(), in_force.len() as u64);
        let listed = bans.list_active_bans(&PageRequest::default()).await.unwrap().items;
        assert_eq!(
            listed.into_iter().map(|ban| ban.target.to_string()).collect::<BTreeSet<_>>(),
            in_force
        );
        let allowed = bans.list_allowed(&PageRequest::default()).await.unwrap().items;
        let allowed: Vec<String> =
            allowed.iter().map(|allowed| allowed.target.to_string()).collect();
        assert!(allowed.iter().eq(&world.allowed), "{allowed:?}");
    }

    fn person(&self, user: User) -> Person {
        let is_unnamed = user.name.as_str().starts_with("anonymous-");
        Person {
            name: if is_unnamed { ANONYMOUS } else { user.name.as_str() }.to_owned(),
            email: user.email.map(|email| email.to_string()),
            verified: user.email_verified,
            full_name: user.full_name.map(|name| name.to_string()),
            status: user.status,
            before_delete: user.status_before_delete,
            roles: user.roles.iter().collect(),
            fingerprint: user.fingerprint.map(|fingerprint| fingerprint.to_string()),
            created: user.created_at,
            updated: user.updated_at,
            seen: user.last_active_at,
            deleted: user.deleted_at,
            merged_into: user.merged_into.map(|target| self.number(target)),
            held: user.legal_hold,
            version: user.version,
        }
    }
}
