//! Which part of a list is wanted.

use clap::Args;
use systemprompt_users::{Cursor, PageLimit, PageRequest, Result};

/// One page of a list.
#[derive(Debug, Clone, Args)]
pub(crate) struct PageArgs {
    /// How many at the most: 1 to 1000
    #[arg(long, default_value_t = 50, allow_negative_numbers = true, value_name = "N")]
    pub(crate) limit: i64,
    /// Go on behind this place, which the page before ended with
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

/// One page of a list, or all of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) page: PageArgs,
    /// Everything from there on, page by page
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

impl PageArgs {
    /// What a service is asked for.
    pub(crate) fn request(&self) -> Result<PageRequest> {
        let after = self.after.as_deref().map(str::parse::<Cursor>).transpose()?;
        Ok(PageRequest::new(self.limit)?.after(after))
    }
}

impl ListArgs {
    /// The first page that a service is asked for.
    pub(crate) fn request(&self) -> Result<PageRequest> {
        let mut request = self.page.request()?;
        if self.all {
            request.limit = PageLimit::MAX;
        }
        Ok(request)
    }
}
