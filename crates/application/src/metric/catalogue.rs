//! What concerns the sale: requests, the line, seats and money, events.

use frontrow_domain::event::Event;

use super::{Label, Scope, Section, any, counter, gauge, histogram, one_of};

/// Bounds of what takes from half a millisecond to some seconds: what people wait for.
pub(super) const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];
/// Bounds of what stays open: from seconds to hours.
const LONG_SECONDS: &[f64] = &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0];
/// Bounds of how much is done at once.
pub(super) const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_000.0];

const ROUTE: Label = any(
    "route",
    "a path of the API description or of the site, as a template; `unmatched` for all that is no route",
);
const METHOD: Label =
    one_of("method", &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"]);
const STREAM: Label = one_of("stream", &["line", "seats"]);
const CONCERT: Label =
    any("concert", "the number of a concert, of 100 at the most; `other` for the rest together");
const SCHEDULE: Label =
    any("schedule", "the number of a schedule, of 100 at the most; `other` for the rest together");
const CONSUMER: Label =
    any("consumer", "`kafka`, `chat`, or `webhook-` and the id of one of 100 webhooks at the most");

pub(super) const REQUESTS: Section = Section {
    title: "Requests, streams and connections",
    about: "Every request counts once its answer begins, whatever the answer is: also one without a route, one that ran \
        out of time, and one whose handler panicked. Counters of routes in the API description stand at 0 from the start \
        for 2xx, 4xx and 5xx. A stream is a request until it begins, and a stream from then on.",
    metrics: &[
        counter(
            "frontrow_http_requests_total",
            &[METHOD, ROUTE, one_of("status", &["1xx", "2xx", "3xx", "4xx", "5xx"])],
            "Requests that were answered, by the class of the status.",
        ),
        histogram(
            "frontrow_http_request_duration_seconds",
            SECONDS,
            &[METHOD, ROUTE],
            "From the headers of a request to the beginning of its answer.",
        ),
        gauge("frontrow_http_requests_in_flight", &[], "Requests that are being answered."),
        counter(
            "frontrow_http_requests_abandoned_total",
            &[],
            "Requests whose client went away before the answer; what they asked for may have been done.",
        ),
        counter("frontrow_http_timeouts_total", &[], "Requests that were answered by their time limit."),
        counter("frontrow_http_panics_total", &[], "Requests whose handler panicked: a defect each."),
        counter(
            "frontrow_http_problems_total",
            &[any("code", "a code of docs/errors.md")],
            "Refusals and errors that were answered, by the code of the problem.",
        ),
        gauge("frontrow_http_connections", &[], "Connections that are open."),
        gauge(
            "frontrow_http_connections_limit",
            &[],
            "Connections that may be open at once; more wait in the backlog.",
        ),
        counter("frontrow_http_connections_accepted_total", &[], "Connections that were accepted."),
        counter(
            "frontrow_http_accept_failures_total",
            &[],
            "Connections that could not be accepted, such as for want of files.",
        ),
        counter(
            "frontrow_http_connections_dropped_total",
            &[one_of("reason", &["idle", "address"])],
            "Connections that were closed: idle ones to make room, and those of an address that had enough.",
        ),
        counter(
            "frontrow_http_requests_shed_total",
            &[one_of("class", &["pay", "hold", "look", "join"])],
            "Requests that were refused because too many were in flight, by what they were for.",
        ),
        counter(
            "frontrow_trace_spans_dropped_total",
            &[],
            "Spans of traces that the collector did not take.",
        ),
        counter(
            "frontrow_http_write_timeouts_total",
            &[],
            "Connections that were cut off because their client took nothing.",
        ),
        counter(
            "frontrow_http_bodies_made_total",
            &[one_of("coding", &["identity", "gzip"])],
            "Seat maps and drawings that were written, and compressed, for all who ask for them.",
        ),
        gauge(
            "frontrow_http_bodies_bytes",
            &[],
            "Bytes of seat maps and drawings that are kept because somebody asks for them.",
        ),
        gauge("frontrow_http_streams", &[STREAM], "Streams of events that are open."),
        histogram(
            "frontrow_http_stream_duration_seconds",
            LONG_SECONDS,
            &[STREAM],
            "How long streams were open that have ended.",
        ),
    ],
};

pub(super) const LINE: Section = Section {
    title: "The line",
    about: "By concert with a waiting room, as of the last tick of the line. On a shared line every server shows the same \
        figures of a concert (take the largest), and counts only those whom it has let in itself (take the sum).",
    metrics: &[
        gauge("frontrow_queue_rooms", &[], "Concerts whose waiting room is switched on."),
        gauge("frontrow_queue_waiting_fans", &[CONCERT], "Fans in line who were never skipped."),
        gauge("frontrow_queue_lobby_fans", &[CONCERT], "Fans in the lobby of a sale with a draw."),
        gauge(
            "frontrow_queue_skipped_fans",
            &[CONCERT],
            "Fans who were absent when their turn came and may return.",
        ),
        gauge("frontrow_queue_active_fans", &[CONCERT], "Fans who are let in."),
        gauge("frontrow_queue_active_limit", &[CONCERT], "The cap: fans who may be let in at once."),
        gauge(
            "frontrow_queue_admitted_per_second",
            &[CONCERT],
            "Fans let in a second, over the last ten seconds.",
        ),
        gauge("frontrow_queue_rate_limit", &[CONCERT], "The rate: fans who may be let in a second."),
        gauge(
            "frontrow_queue_admitting",
            &[CONCERT],
            "1 while the room lets fans in; 0 while it is scheduled, paused, sold out or closed.",
        ),
        counter("frontrow_queue_admitted_total", &[], "Fans whom this server has let in, over all concerts."),
        counter(
            "frontrow_queue_estimates_total",
            &[one_of("result", &["inside", "shorter", "longer", "unknown"])],
            "Fans let in, by how their wait compares with the range that they were told at joining.",
        ),
        counter(
            "frontrow_line_shed_total",
            &[],
            "Requests to the line that were refused because too many waited.",
        ),
        histogram(
            "frontrow_line_commit_seconds",
            SECONDS,
            &[],
            "How long the line's journal took to keep a batch.",
        )
        .only(Scope::Embedded),
        histogram(
            "frontrow_line_batch_places",
            SIZES,
            &[],
            "Places that were kept in one batch of the line's journal.",
        )
        .only(Scope::Embedded),
        counter(
            "frontrow_line_commit_failures_total",
            &[],
            "Batches that the line's journal could not keep.",
        )
        .only(Scope::Embedded),
        histogram(
            "frontrow_redis_script_seconds",
            SECONDS,
            &[],
            "How long Redis took to answer a batch of requests to a line.",
        )
        .only(Scope::Shared),
        histogram(
            "frontrow_redis_batch_requests",
            SIZES,
            &[],
            "Requests to a line that shared a way to Redis.",
        )
        .only(Scope::Shared),
        counter(
            "frontrow_redis_failures_total",
            &[],
            "Batches of requests to a line that Redis has not answered well.",
        )
        .only(Scope::Shared),
    ],
};

pub(super) const SALE: Section = Section {
    title: "Seats and money",
    about: "By schedule that is on sale or was within the last day, and whose map somebody has looked at on this server. \
        All servers on one store show the same (take the largest). Money is in whole minor units of the currency.",
    metrics: &[
        gauge(
            "frontrow_schedule_seats",
            &[CONCERT, SCHEDULE, one_of("state", &["available", "held", "sold", "blocked"])],
            "Seats by what the map shows; those that are held are the live holds.",
        ),
        gauge(
            "frontrow_schedule_takings_minor_units",
            &[
                CONCERT,
                SCHEDULE,
                one_of("kind", &["gross", "refunded", "fees"]),
                any("currency", "the one of the server"),
            ],
            "Money since the beginning: what was paid, what of that went back, and what was kept of refunds.",
        ),
        gauge(
            "frontrow_series_folded",
            &[one_of("of", &["concert", "schedule"])],
            "How many are counted together under `other`, because there are more than 100.",
        ),
        gauge(
            "frontrow_expiry_lag_seconds",
            &[],
            "For how long the oldest hold has been over that no job has noted; 0 when there is none.",
        ),
        counter(
            "frontrow_events_committed_total",
            &[one_of("type", &Event::TYPES)],
            "What happened in the sale and was committed by this server, by the type of its event.",
        ),
    ],
};

pub(super) const EVENTS: Section = Section {
    title: "Events on their way",
    about: "The outbox, and who is told of it. All servers on one store show the same gauges (take the largest).",
    metrics: &[
        gauge(
            "frontrow_events_lag_seconds",
            &[CONSUMER],
            "How old the oldest event is that the consumer was not handed yet; 0 when there is none.",
        ),
        gauge(
            "frontrow_events_parked",
            &[CONSUMER],
            "Events that are kept back for the consumer, to be tried again.",
        ),
        gauge("frontrow_events_dead_letters", &[], "Events that nobody tries to deliver any more."),
        gauge(
            "frontrow_webhooks",
            &[one_of("status", &["on", "off", "gone", "failed"])],
            "Webhooks, by whether they are told of events.",
        ),
        counter(
            "frontrow_webhook_attempts_total",
            &[one_of("result", &["delivered", "failed"])],
            "Attempts of this server to tell webhooks of events.",
        ),
    ],
};
