//! Traces to a collector: OTLP over HTTP in its JSON form ([ADR 0027](../../../../docs/adr/0027-logs-and-traces.md)).
//!
//! Spans are taken in a queue, and sent a batch at a time by one task. Nothing of a sale waits for it: what the queue or the
//! collector cannot take is dropped and counted.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use frontrow_application::trace::{Attribute, Span, Traces};
use metrics::counter;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::sections::Telemetry;

/// Spans that wait: a second of a sale of which everything is traced.
const QUEUE: usize = 16_384;
/// Spans in one message.
const BATCH: usize = 512;
/// How long spans are collected before a batch that is not full is sent.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a stop waits for the last batches.
const FAREWELL: Duration = Duration::from_secs(2);

/// A step that others have asked for (`SPAN_KIND_SERVER`), and one within it (`SPAN_KIND_INTERNAL`).
const KIND_SERVER: u8 = 2;
const KIND_INTERNAL: u8 = 1;
/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u8 = 2;

/// What sends traces.
pub(crate) struct OtlpTraces {
    taker: Arc<Taker>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What takes spans.
struct Taker(Sender<Span>);

impl Traces for Taker {
    fn finished(&self, span: Span) {
        if self.0.try_send(span).is_err() {
            dropped(1);
        }
    }
}

fn dropped(count: usize) {
    counter!("frontrow_trace_spans_dropped_total").increment(count as u64);
}

impl OtlpTraces {
    /// Begins to send, when the settings name a collector. Needs a runtime around it.
    pub(crate) fn start(settings: &Telemetry) -> anyhow::Result<Option<Self>> {
        if settings.traces_url.is_empty() {
            return Ok(None);
        }
        // Fails only when a provider is installed already, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("cannot make the client that sends traces")?;
        let (sender, receiver) = channel(QUEUE);
        let stop = CancellationToken::new();
        let exporter = Exporter {
            client,
            url: settings.traces_url.clone(),
            service: settings.service_name.clone(),
            is_well: true,
        };
        let task = tokio::spawn(exporter.run(receiver, stop.clone()));
        Ok(Some(Self { taker: Arc::new(Taker(sender)), stop, task }))
    }

    /// What takes the spans of requests.
    pub(crate) fn taker(&self) -> Arc<dyn Traces> {
        Arc::<Taker>::clone(&self.taker) as Arc<dyn Traces>
    }

    /// Sends what there is, and waits for it for a moment.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        if tokio::time::timeout(FAREWELL, self.task).await.is_err() {
            tracing::debug!("the last spans did not reach the collector in time");
        }
    }
}

/// Sends batches.
struct Exporter {
    client: Client,
    url: String,
    service: String,
    is_well: bool,
}

impl Exporter {
    async fn run(mut self, mut spans: Receiver<Span>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                taken = spans.recv_many(&mut batch, BATCH) => if taken == 0 { return },
                () = stop.cancelled() => break,
            }
            // A moment for more of them, unless there are enough.
            let more = async { while batch.len() < BATCH && spans.recv_many(&mut batch, BATCH).await > 0 {} };
            tokio::select! {
                () = more => {}
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => break,
            }
            self.send(&mut batch).await;
        }
        while let Ok(span) = spans.try_recv() {
            batch.push(span);
        }
        self.send(&mut batch).await;
    }

    /// Sends all of them, a message of [`BATCH`] at a time.
    async fn send(&mut self, spans: &mut Vec<Span>) {
        for batch in spans.chunks(BATCH) {
            let document = document(&self.service, batch);
            let request = self.client.post(&self.url).header(CONTENT_TYPE, "application/json");
            let answer = request.body(document.to_string()).send().await;
            let sent =
                answer.and_then(reqwest::Response::error_for_status).map_err(reqwest::Error::without_url);
            if sent.is_err() {
                dropped(batch.len());
            }
            // When it begins to fail, and when it works again, is said once.
            match (&sent, self.is_well) {
                (Err(error), true) => {
                    tracing::warn!(error = %error, "traces do not reach their collector, and are dropped meanwhile");
                }
                (Ok(_), false) => tracing::info!("traces reach their collector again"),
                _ => {}
            }
            self.is_well = sent.is_ok();
        }
        spans.clear();
    }
}

/// An `ExportTraceServiceRequest` as JSON: ids in hexadecimal, numbers of 64 bits as text.
fn document(service: &str, spans: &[Span]) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [("service.name", service), ("service.version", version)]
        .map(|(key, value)| attribute(key, &text(value)));
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{
            "scope": { "name": "frontrow", "version": version },
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }] })
}

fn text(value: &str) -> Attribute {
    Attribute::Text(value.to_owned())
}

fn attribute(key: &str, value: &Attribute) -> Value {
    let value = match value {
        Attribute::Text(text) => json!({ "stringValue": text }),
        Attribute::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

fn span(span: &Span) -> Value {
    let begun = i128::from(span.begun_at.micros()) * 1_000;
    let ended = begun.saturating_add_unsigned(span.took.as_nanos());
    let attributes: Vec<_> = span.attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    let mut document = json!({
        "traceId": format!("{:032x}", span.context.trace),
        "spanId": format!("{:016x}", span.context.span),
        "name": span.name,
        "kind": if span.is_request { KIND_SERVER } else { KIND_INTERNAL },
        "startTimeUnixNano": begun.to_string(),
        "endTimeUnixNano": ended.to_string(),
        "attributes": attributes,
    });
    if span.context.parent != 0 {
        document["parentSpanId"] = format!("{:016x}", span.context.parent).into();
    }
    if let Some(failure) = span.failure {
        document["status"] = json!({ "code": STATUS_ERROR, "message": failure });
    }
    document
}

#[cfg(test)]
mod tests {
    use frontrow_application::trace::SpanContext;
    use frontrow_domain::Timestamp;

    use super::*;

    #[test]
    fn spans_are_written_as_the_protocol_has_them() {
        let context = SpanContext {
            trace: 0x5b8e_fff7_9803_8103_d269_b633_813f_c60c,
            span: 0xeee1_9b7e_c3c1_b174,
            parent: 0x0ee1_9b7e_c3c1_b173,
            is_sampled: true,
            is_ours: true,
        };
        let request = Span {
            context,
            name: "POST /api/v1/payments".to_owned(),
            is_request: true,
            begun_at: Timestamp::from_micros(1_544_712_660_000_000),
            took: Duration::from_nanos(1_500),
            attributes: vec![("http.response.status_code", Attribute::Number(503))],
            failure: Some("overloaded"),
        };
        let first = SpanContext { parent: 0, ..context };
        let inner = Span {
            context: first,
            name: "commit".to_owned(),
            is_request: false,
            attributes: vec![("a", text("b"))],
            failure: None,
            ..request.clone()
        };
        let mut document = document("my.service", &[request, inner]);
        document["resourceSpans"][0]["resource"]["attributes"][1]["value"] = "…".into();
        document["resourceSpans"][0]["scopeSpans"][0]["scope"]["version"] = "…".into();
        let expected = json!(
        {
          "resourceSpans": [
            {
              "resource": {
                "attributes": [
                  {
                    "key": "service.name",
                    "value": {
                      "stringValue": "my.service"
                    }
                  },
                  {
                    "key": "service.version",
                    "value": "…"
                  }
                ]
              },
              "scopeSpans": [
                {
                  "scope": {
                    "name": "frontrow",
                    "version": "…"
                  },
                  "spans": [
                    {
                      "attributes": [
                        {
                          "key": "http.response.status_code",
                          "value": {
                            "intValue": "503"
                          }
                        }
                      ],
                      "endTimeUnixNano": "1544712660000001500",
                      "kind": 2,
                      "name": "POST /api/v1/payments",
                      "parentSpanId": "0ee19b7ec3c1b173",
                      "spanId": "eee19b7ec3c1b174",
                      "startTimeUnixNano": "1544712660000000000",
                      "status": {
                        "code": 2,
                        "message": "overloaded"
                      },
                      "traceId": "5b8efff798038103d269b633813fc60c"
                    },
                    {
                      "attributes": [
                        {
                          "key": "a",
                          "value": {
                            "stringValue": "b"
                          }
                        }
                      ],
                      "endTimeUnixNano": "1544712660000001500",
                      "kind": 1,
                      "name": "commit",
                      "spanId": "eee19b7ec3c1b174",
                      "startTimeUnixNano": "1544712660000000000",
                      "traceId": "5b8efff798038103d269b633813fc60c"
                    }
                  ]
                }
              ]
            }
          ]
        }
        );
        assert_eq!(document, expected, "{document:#}");
    }
}
