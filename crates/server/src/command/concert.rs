//! `frontrow concert import`: a concert with its schedules and seats out of one file. All of it is checked before any
//! of it is written, and fans see none of it before all of it is there.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use frontrow_application::App;
use frontrow_application::catalog::plan_import::ImportedPlan;
use frontrow_application::catalog::{ConcertPatch, NewSchedule};
use frontrow_application::staff::By;
use frontrow_domain::ConcertId;
use frontrow_domain::catalog::ConcertDraft;
use frontrow_http::ConcertImport;

use super::answer;
use super::plan::{beside, read, refuse};
use super::user::explain_in_use;
use crate::config::Config;
use crate::wiring::{Wired, schedule_defaults};

/// How to have a running server make a concert.
const ASK: &str = "Stop it, run this command again, and start it; or send the parts of the file as an operator to\n  \
    POST http://{}/api/v1/admin/concerts and …/concerts/<id>/schedules";

pub(super) fn import(config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    let document = read(file)?;
    let defaults = schedule_defaults(config);
    let import = match ConcertImport::read(&document, defaults, &beside(file)) {
        Ok(import) => import,
        Err(errors) => {
            let title = format!("nothing was imported: repair this in {} and run it again:", file.display());
            refuse(&title, &errors);
            return Ok(ExitCode::from(2));
        }
    };
    drop(document);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    let wired = runtime.block_on(Wired::open(config)).map_err(|error| explain_in_use(error, ASK))?;
    let made = runtime.block_on(make(&wired.app, import));
    wired.close();
    answer(&made?)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes it all, hidden at first; answers what there is now.
pub(super) async fn make(app: &App, import: ConcertImport) -> anyhow::Result<String> {
    let ConcertImport { concert, schedules } = import;
    let is_published = concert.published;
    let title = concert.title.clone();
    let hidden = ConcertDraft { published: false, ..concert };
    let made = app.create_concert(By::System, hidden, None).await;
    let concert = made.map_err(|failure| anyhow!("nothing was imported: {failure:?}"))?.outcome;
    let mut text = format!("made concert {concert}, {title}");
    let half =
        || format!("concert {concert} is not complete, so it stays hidden from fans; import the file again");
    for (draft, ImportedPlan { plan, drawing }) in schedules {
        let (seats, venue) = (plan.size(), draft.venue.clone());
        let new = NewSchedule { concert, draft, plan, drawing };
        let made = app.create_schedule(By::System, new, None).await;
        let id = made.map_err(|failure| anyhow!("{failure:?}")).with_context(half)?.outcome;
        // Writing into a string has no way to fail.
        let _ = write!(text, "\n  schedule {id}: {seats} seats, {venue}");
    }
    if is_published {
        publish(app, concert).await.with_context(half)?;
    } else {
        let _ =
            write!(text, "\nit is hidden from fans: publish it by PATCH /api/v1/admin/concerts/{concert}");
    }
    text.push_str("\nserve it with: frontrow serve");
    Ok(text)
}

async fn publish(app: &App, concert: ConcertId) -> anyhow::Result<()> {
    let patch = ConcertPatch { published: Some(true), ..ConcertPatch::default() };
    let edited = app.edit_concert(By::System, concert, patch).await;
    edited.map(|_| ()).map_err(|failure| anyhow!("{failure:?}"))
}
