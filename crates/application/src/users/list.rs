//! Lists, searches and counts: keyset pages, exact figures. They may come from a copy that lags behind.

use futures_core::Stream;
use futures_util::stream;
use systemprompt_users_domain::{
    Page, PageLimit, PageRequest, PagedList, Result, SearchText, User, UserError, UserFilter,
    UserOrder,
};

use super::UserService;

impl UserService {
    /// A page of the users that meet `filter`.
    ///
    /// # Errors
    /// `Validation` of `after` when the cursor is of another list; `Storage`.
    pub async fn list(
        &self,
        filter: &UserFilter,
        order: UserOrder,
        page: &PageRequest,
    ) -> Result<Page<User>> {
        let list = PagedList::Users(order);
        page.check(list)?;
        let mut unit = self.context.read_lagging().await?;
        Ok(unit.users().list(&filter.bounds(), order, page).await?.of(list))
    }

    /// Every user that meets `filter`, as a stream that holds one page at a time.
    ///
    /// ```
    /// # use systemprompt_users_application::UserService;
    /// # use systemprompt_users_domain::{UserFilter, UserOrder};
    /// # use futures_util::TryStreamExt;
    /// # async fn all(users: UserService) -> systemprompt_users_domain::Result<()> {
    /// let mut all = std::pin::pin!(users.list_all(UserFilter::default(), UserOrder::Oldest));
    /// while let Some(user) = all.try_next().await? {
    ///     println!("{}", user.name);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn list_all(
        &self,
        filter: UserFilter,
        order: UserOrder,
    ) -> impl Stream<Item = Result<User>> + Send + use<> {
        use futures_util::TryStreamExt;

        let service = self.clone();
        let first = Some(PageRequest { after: None, limit: PageLimit::MAX });
        let pages = stream::try_unfold(first, move |request| {
            let (service, filter) = (service.clone(), filter.clone());
            async move {
                let Some(request) = request else { return Ok(None) };
                let page = service.list(&filter, order, &request).await?;
                let next =
                    page.next.map(|after| PageRequest { after: Some(after), limit: request.limit });
                Ok::<_, UserError>(Some((stream::iter(page.items.into_iter().map(Ok)), next)))
            }
        });
        pages.try_flatten()
    }

    /// A page of the users that meet `filter` and hold `query` in name, email, full name or display name,
    /// whatever the case: exact before prefix before substring. Every character stands for itself.
    ///
    /// # Errors
    /// `Validation` of `query` or `after`; `Storage`.
    pub async fn search(
        &self,
        query: &str,
        filter: &UserFilter,
        page: &PageRequest,
    ) -> Result<Page<User>> {
        let text = SearchText::parse(query)?;
        page.check(PagedList::Found)?;
        let mut unit = self.context.read_lagging().await?;
        Ok(unit.users().search(&text, &filter.bounds(), page).await?.of(PagedList::Found))
    }

    /// How many users meet `filter`; exact.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn count(&self, filter: &UserFilter) -> Result<u64> {
        Ok(self.context.read_lagging().await?.users().count(&filter.bounds()).await?)
    }

    /// The first page of [`list`](Self::list), newest first, with a limit as a client sent it.
    ///
    /// # Errors
    /// `Validation` of `limit` outside of 1 to 1000; `Storage`.
    pub async fn list_by_filter(&self, filter: &UserFilter, limit: i64) -> Result<Page<User>> {
        self.list(filter, UserOrder::Newest, &PageRequest::new(limit)?).await
    }
}
