//! Asking whether addresses are banned.

use futures_util::{StreamExt, TryStreamExt, stream};
use systemprompt_users::{IpTarget, UserError};
use systemprompt_users_import::Rows;

use super::super::lists;
use crate::exit::{Done, Failure, Outcome, note};
use crate::host::{Host, Services};
use crate::output::{CheckRow, List, Record, Terminal};
use crate::progress::Progress;

/// How many questions are asked at once.
const AT_ONCE: usize = 16;

/// How many addresses are read before they are asked about.
const BATCH: usize = 1000;

pub(super) async fn run(
    services: &Services,
    host: &Host,
    addresses: &[String],
    only_banned: bool,
) -> Outcome {
    // What stands on the command line is checked before anything is answered.
    let mut batch = lists::typed(addresses)?;
    let mut output = host.output();
    // A bar would stand in the way of results on the same terminal.
    let progress = (!output.terminal.is_terminal()).then(|| Progress::items("checking", None));
    let mut list = output.list(CheckRow::COLUMNS);
    let mut refused = 0_u64;
    if addresses.iter().any(|text| text == "-") {
        let mut rows = lists::addresses()?;
        while let Some(row) = rows.next().map_err(Failure::io("stdin"))? {
            let say = |line: &str| tell(progress.as_ref(), line);
            lists::tell(row.original.line, &row.parsed, row.note.as_deref(), say);
            match row.parsed {
                Ok(target) => batch.push(target),
                Err(_) => refused += 1,
            }
            if batch.len() >= BATCH {
                answer(services, &batch, only_banned, &mut list, progress.as_ref()).await?;
                batch.clear();
            }
        }
    }
    answer(services, &batch, only_banned, &mut list, progress.as_ref()).await?;
    drop(progress);
    list.finish(None)?;
    if refused > 0 {
        note(&format!("{refused} lines were no address or network"));
        return Ok(Done::SomeRefused);
    }
    Ok(Done::All)
}

/// Asks about a batch and shows the answers in its order.
async fn answer(
    services: &Services,
    targets: &[IpTarget],
    only_banned: bool,
    list: &mut List<'_>,
    progress: Option<&Progress>,
) -> Result<(), Failure> {
    let questions = targets.iter().map(|target| async move {
        let ban = services.bans.find_ban(*target).await?;
        Ok::<_, UserError>(CheckRow { address: target.to_string(), ban })
    });
    let mut answers = stream::iter(questions).buffered(AT_ONCE);
    while let Some(row) = answers.try_next().await? {
        if row.ban.is_some() || !only_banned {
            list.push(&row)?;
        }
        if let Some(progress) = progress {
            progress.add(1);
        }
    }
    list.flush()?;
    Ok(())
}

fn tell(progress: Option<&Progress>, line: &str) {
    match progress {
        Some(progress) if Terminal::stderr().is_terminal() => progress.note(line),
        _ => note(line),
    }
}
