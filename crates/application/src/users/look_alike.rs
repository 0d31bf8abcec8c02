//! Nobody may be taken for an admin: names that look like an admin's, and are another's.

use std::collections::HashMap;

use systemprompt_users_domain::{
    NameLooks, PageLimit, PageRequest, Result, UnitOfWork, UserError, UserFilter, UserId, UserName,
    UserOrder, UserRole,
};

/// The names of the admins, at most the 1000 oldest, found by what they look like.
#[derive(Debug, Clone)]
pub(super) struct AdminNames {
    admins: Vec<(UserId, UserName)>,
    /// Indexes of `admins`.
    by_look: HashMap<(Look, String), Vec<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Look {
    Folded,
    Plain,
    Capital,
}

impl AdminNames {
    pub(super) async fn load(unit: &mut dyn UnitOfWork) -> Result<Self> {
        let page = PageRequest { after: None, limit: PageLimit::MAX };
        let filter = UserFilter::by_role(UserRole::Admin);
        let admins = unit.users().list(&filter, UserOrder::Oldest, &page).await?.items;
        let admins: Vec<_> = admins.into_iter().map(|admin| (admin.id, admin.name)).collect();
        let mut by_look: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, (_, name)) in admins.iter().enumerate() {
            let NameLooks { folded, plain, capital } = name.looks();
            for look in [(Look::Folded, folded), (Look::Plain, plain), (Look::Capital, capital)] {
                by_look.entry(look).or_default().push(index);
            }
        }
        Ok(Self { admins, by_look })
    }

    /// Refuses a name that looks like that of an admin other than `id`.
    pub(super) fn check(&self, id: Option<UserId>, name: &UserName) -> Result<()> {
        let NameLooks { folded, plain, capital } = name.looks();
        // As `NameLooks::is_alike` compares them.
        let is_taken = [(Look::Folded, folded), (Look::Capital, plain), (Look::Plain, capital)]
            .iter()
            .filter_map(|look| self.by_look.get(look))
            .flatten()
            .filter_map(|index| self.admins.get(*index))
            .any(|(admin, other)| Some(*admin) != id && other != name);
        if is_taken {
            let message = "looks like the name of an admin: expected one that nobody takes for it";
            return Err(UserError::validation("name", message));
        }
        Ok(())
    }
}
