//! Lines of the log, with the request that they are about.
//!
//! What a request is (its id, who sent it, its place in line, its trace) is not in a span of the log, which would cost every
//! request even where nothing is logged. It is with the task that answers the request
//! ([`trace`](frontrow_application::trace)), and is looked up when a line is written.

use std::fmt;

use frontrow_application::trace::{Request, with_current};
use serde_json::json;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The fields of a line for people, and behind them the request.
#[derive(Debug, Default)]
pub(super) struct ForPeople(DefaultFields);

impl<'writer> FormatFields<'writer> for ForPeople {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer.by_ref(), fields)?;
        with_current(|request| {
            members(request).into_iter().try_for_each(|(name, value)| write!(writer, " {name}={value}"))
        })
        .unwrap_or(Ok(()))
    }
}

/// A line as JSON, and at its end the request.
pub(super) struct AsJson<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for AsJson<F>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let written = with_current(|request| {
            let mut line = String::new();
            self.0.format_event(context, Writer::new(&mut line), event)?;
            let object = line.trim_end().strip_suffix('}').ok_or(fmt::Error)?;
            writer.write_str(object)?;
            for (name, value) in members(request) {
                write!(writer, ",\"{name}\":{}", json!(value))?;
            }
            writer.write_str("}\n")
        });
        match written {
            Some(written) => written,
            None => self.0.format_event(context, writer, event),
        }
    }
}

/// What a line says of the request.
fn members(request: &Request) -> Vec<(&'static str, String)> {
    let mut members = vec![("request_id", request.id().to_owned())];
    members.extend(request.user().map(|user| ("user_id", user.to_string())));
    members.extend(request.entry().map(|entry| ("entry_id", entry.to_string())));
    members.extend(request.span().map(|span| ("trace_id", format!("{:032x}", span.trace))));
    members
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use frontrow_application::trace::{self, SpanContext, within_now};
    use frontrow_domain::{EntryId, UserId};
    use tracing_subscriber::fmt::MakeWriter;
    use uuid::Uuid;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// Two lines: one within a request, one outside of any.
    fn log() {
        let span = SpanContext { trace: 10, span: 11, parent: 0, is_sampled: true, is_ours: true };
        let request = Arc::new(Request::new("a \"b\"".to_owned(), Some(span)));
        within_now(Some(&request), || {
            trace::note_user(UserId::new(Uuid::from_u128(1)));
            trace::note_entry(EntryId::new(Uuid::from_u128(2)));
            tracing::info!(count = 3, "within");
        });
        tracing::info!("outside");
    }

    fn lines(written: &Written) -> Vec<String> {
        let text = String::from_utf8(written.0.lock().expect("not poisoned").clone()).expect("text");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_as_json_says_which_request_it_is_about() {
        let written = Written::default();
        let format = AsJson(tracing_subscriber::fmt::format().json());
        let log_to = tracing_subscriber::fmt()
            .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
            .event_format(format)
            .with_writer(written.clone())
            .finish();
        tracing::subscriber::with_default(log_to, log);
        let read =
            |line: &String| serde_json::from_str::<serde_json::Value>(line).expect("a JSON object a line");
        let [within, outside] =
            lines(&written).iter().map(read).collect::<Vec<_>>().try_into().expect("two lines");
        assert_eq!(within["fields"], json!({"message": "within", "count": 3}));
        assert_eq!(within["request_id"], "a \"b\"");
        assert_eq!(within["user_id"], Uuid::from_u128(1).to_string());
        assert_eq!(within["entry_id"], Uuid::from_u128(2).to_string());
        assert_eq!(within["trace_id"], "0000000000000000000000000000000a");
        assert_eq!(outside["fields"]["message"], "outside");
        assert!(outside.get("request_id").is_none(), "{outside}");
    }

    #[test]
    fn a_line_for_people_ends_with_the_request_that_it_is_about() {
        let written = Written::default();
        let log_to = tracing_subscriber::fmt()
            .fmt_fields(ForPeople::default())
            .with_ansi(false)
            .with_writer(written.clone())
            .finish();
        tracing::subscriber::with_default(log_to, log);
        let lines = lines(&written);
        let (user, entry) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let about = format!(
            "within count=3 request_id=a \"b\" user_id={user} entry_id={entry} trace_id=0000000000000000000000000000000a"
        );
        assert!(lines[0].ends_with(&about), "{}", lines[0]);
        assert!(lines[1].ends_with("outside"), "{}", lines[1]);
    }
}
