//! Which requests are traced, and what their steps are called (W3C Trace Context).
//!
//! A trace that a caller has begun goes on here, whoever the caller is: it is a name and costs nothing. Whether it is
//! written down is up to a proxy that is trusted; for strangers the server decides by itself, or anybody could have it
//! write as much as they like.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName};
use frontrow_application::trace::SpanContext;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const THOUSAND: u64 = 1_000;

/// Makes ids of traces and steps: unpredictable, and never 0, which means none.
#[derive(Clone, Default)]
pub(super) struct SpanIds(Arc<Numbers>);

#[derive(Default)]
struct Numbers {
    count: AtomicU64,
    hash: RandomState,
}

impl SpanIds {
    /// A new id of a step.
    pub(super) fn next(&self) -> u64 {
        let number = self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.hash.hash_one(number).max(1)
    }

    fn trace(&self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

/// Decides which requests are traced.
pub(super) struct Sampling {
    /// Of a thousand requests so many; nothing where no spans are made.
    pub(super) per_thousand: Option<u16>,
    pub(super) ids: SpanIds,
}

impl Sampling {
    /// Where a request is in a trace, if it is in one. `is_trusted` says whether it comes from a proxy of ours.
    pub(super) fn span(&self, headers: &HeaderMap, is_trusted: impl FnOnce() -> bool) -> Option<SpanContext> {
        let mut sent = headers.get_all(TRACEPARENT).iter();
        // Of several nobody knows which one counts.
        let header = sent.next().filter(|_| sent.next().is_none()).and_then(|header| header.to_str().ok());
        let parent = header.and_then(SpanContext::parse_parent);
        let Some(per_thousand) = self.per_thousand else {
            let (trace, span, is_sampled) = parent?;
            return Some(SpanContext { trace, span, parent: 0, is_sampled, is_ours: false });
        };
        let is_chosen = || per_thousand > 0 && self.ids.next() % THOUSAND < u64::from(per_thousand);
        match parent {
            Some((trace, parent, is_sampled)) => {
                let is_sampled = if is_trusted() { is_sampled } else { is_chosen() };
                Some(SpanContext { trace, span: self.ids.next(), parent, is_sampled, is_ours: true })
            }
            None if is_chosen() => {
                let (trace, span) = (self.ids.trace(), self.ids.next());
                Some(SpanContext { trace, span, parent: 0, is_sampled: true, is_ours: true })
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
    const PARENT: u64 = 0x00f0_67aa_0ba9_02b7;

    fn sampling(per_thousand: Option<u16>) -> Sampling {
        Sampling { per_thousand, ids: SpanIds::default() }
    }

    fn headers(sent: &[&'static str]) -> HeaderMap {
        sent.iter().map(|text| (TRACEPARENT, HeaderValue::from_static(text))).collect()
    }

    #[test]
    fn without_traces_of_our_own_a_trace_is_handed_on_as_it_came() {
        for (text, is_sampled) in [(SAMPLED, true), (NOT_SAMPLED, false)] {
            let span = sampling(None).span(&headers(&[text]), || true).expect("a trace");
            assert_eq!(
                span,
                SpanContext { trace: TRACE, span: PARENT, parent: 0, is_sampled, is_ours: false }
            );
            assert_eq!(span.to_string(), text);
        }
        for sent in [&[][..], &["nonsense"], &[SAMPLED, NOT_SAMPLED]] {
            assert_eq!(sampling(None).span(&headers(sent), || true), None, "{sent:?}");
        }
    }

    #[test]
    fn a_trusted_proxy_says_what_is_sampled_and_a_stranger_does_not() {
        for (text, is_trusted, per_thousand, is_sampled) in [
            (SAMPLED, true, 0, true),
            (NOT_SAMPLED, true, 1_000, false),
            (SAMPLED, false, 0, false),
            (NOT_SAMPLED, false, 1_000, true),
        ] {
            let span = sampling(Some(per_thousand)).span(&headers(&[text]), || is_trusted).expect("a trace");
            assert_eq!(
                (span.trace, span.parent, span.is_sampled),
                (TRACE, PARENT, is_sampled),
                "{text} {is_trusted}"
            );
            assert!(span.span != PARENT && span.span != 0 && span.is_ours);
        }
    }

    #[test]
    fn of_a_thousand_requests_so_many_are_traced() {
        let sampling = sampling(Some(100));
        let spans: Vec<_> = (0..10_000).filter_map(|_| sampling.span(&HeaderMap::new(), || false)).collect();
        assert!((700..1_300).contains(&spans.len()), "{}", spans.len());
        let traces: std::collections::HashSet<_> = spans.iter().map(|span| span.trace).collect();
        assert_eq!(traces.len(), spans.len(), "each its own");
        assert!(spans.iter().all(|span| span.is_sampled && span.parent == 0 && span.trace >> 64 != 0));
        assert_eq!(self::sampling(Some(0)).span(&HeaderMap::new(), || false), None);
    }
}
