//! Showing a list that is read page by page.

use std::io;

use systemprompt_users::{Page, PageRequest, Result};

use crate::cli::ListArgs;
use crate::exit::{Done, Outcome};
use crate::output::List;

/// Shows one page, or all of them one after the other; never more than one is held.
pub(super) async fn show<T>(
    args: &ListArgs,
    mut list: List<'_>,
    fetch: impl AsyncFn(&PageRequest) -> Result<Page<T>>,
    push: impl Fn(&mut List<'_>, &T) -> io::Result<()>,
) -> Outcome {
    let mut request = args.request()?;
    loop {
        let page = fetch(&request).await?;
        for item in &page.items {
            push(&mut list, item)?;
        }
        match page.next {
            Some(next) if args.all => request.after = Some(next),
            next => {
                list.finish(next.map(|next| next.to_string()))?;
                return Ok(Done::All);
            }
        }
    }
}
