//! A concert with its schedules in one document, for those who have no server to send it to yet. Its members are those
//! of the requests that would make them, and so are the checks.

use frontrow_application::catalog::plan_import::{ImportedPlan, PlanFiles};
use frontrow_domain::catalog::{ConcertDraft, FieldError, ScheduleDefaults, ScheduleDraft};
use serde::Deserialize;

use super::concert::ConcertForm;
use super::schedule::{ScheduleForm, ScheduleInput};
use crate::request::{Object, Unread, read_json};

/// The most schedules that one document may have.
const SCHEDULES_MAX: usize = 1_000;

/// A concert with its schedules, checked and not yet made.
#[derive(Debug)]
pub struct ConcertImport {
    /// The concert.
    pub concert: ConcertDraft,
    /// Its schedules, each with its seats.
    pub schedules: Vec<(ScheduleDraft, ImportedPlan)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    concert: Object<ConcertForm>,
    schedules: Vec<Object<ScheduleForm>>,
}

impl ConcertImport {
    /// Reads a document `{"concert": {…}, "schedules": [{…}]}`, or says everything that is wrong with it, each with its
    /// path. `files` reads the plans that it names by `seatPlan.pretix.planFile`.
    pub fn read(
        document: &[u8],
        defaults: ScheduleDefaults,
        files: &PlanFiles<'_>,
    ) -> Result<Self, Vec<FieldError>> {
        let Document { concert, schedules } = read_json(document).map_err(|unread| match unread {
            Unread::NotJson(message) => vec![FieldError::new("", message)],
            Unread::Wrong(error) => vec![error],
        })?;
        let mut errors = Vec::new();
        if schedules.len() > SCHEDULES_MAX {
            errors.push(FieldError::new("schedules", format!("must be {SCHEDULES_MAX} at the most")));
            return Err(errors);
        }
        let concert = keep(&mut errors, "concert", concert.0.read());
        let mut read = Vec::with_capacity(schedules.len());
        for (at, Object(schedule)) in schedules.into_iter().enumerate() {
            let schedule = schedule.read(defaults, Some(files));
            if let Some(ScheduleInput { draft, seats }) =
                keep(&mut errors, &format!("schedules[{at}]"), schedule)
            {
                read.push((draft, seats));
            }
        }
        match concert {
            Some(concert) if errors.is_empty() => Ok(Self { concert, schedules: read }),
            _ => Err(errors),
        }
    }
}

/// What was read; what is wrong with it goes to the list, under the path of where it was.
fn keep<T>(errors: &mut Vec<FieldError>, path: &str, read: Result<T, Vec<FieldError>>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(wrong) => {
            let wrong = wrong.into_iter();
            errors
                .extend(wrong.map(|FieldError { field, message }| {
                    FieldError::new(format!("{path}.{field}"), message)
                }));
            None
        }
    }
}
