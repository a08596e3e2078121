//! The body of a stream, written by hand: one small object a stream, polled where the connection is.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::Frame;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{SILENCE_MAX, Source};
use crate::traffic::OpenStream;

/// A comment, which clients skip.
const SIGN_OF_LIFE: Bytes = Bytes::from_static(b":\n\n");

pin_project! {
    pub(super) struct EventStream<S> {
        #[pin]
        source: S,
        #[pin]
        silence: Sleep,
        #[pin]
        stopping: WaitForCancellationFutureOwned,
        has_ended: bool,
        // Counts for as long as it is here.
        open: Option<OpenStream>,
    }
}

impl<S: Source> EventStream<S> {
    pub(super) fn new(source: S, stopping: CancellationToken, open: Option<OpenStream>) -> Self {
        let silence = sleep(SILENCE_MAX);
        Self { source, silence, stopping: stopping.cancelled_owned(), has_ended: false, open }
    }

    fn poll_bytes(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut this = self.project();
        if this.stopping.poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        let next = match this.source.as_mut().poll_next(cx) {
            Poll::Ready(next) => next.filter(|event| !event.is_empty()),
            Poll::Pending if this.silence.as_mut().poll(cx).is_ready() => Some(SIGN_OF_LIFE),
            Poll::Pending => return Poll::Pending,
        };
        if next.is_some() {
            // The connection asks again before it goes to sleep, and that winds the timer up.
            this.silence.as_mut().reset(Instant::now() + SILENCE_MAX);
        }
        Poll::Ready(next)
    }
}

impl<S: Source> HttpBody for EventStream<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let polled = self.as_mut().poll_bytes(cx);
        if matches!(polled, Poll::Ready(None)) {
            *self.project().has_ended = true;
        }
        polled.map(|next| next.map(|bytes| Ok(Frame::data(bytes))))
    }
}
