//! The bytes of one connection, and the end of patience with a peer that does not take its own.
//!
//! A client that stops reading would otherwise hold its connection, and what was rendered for it, for as long as it
//! likes. Two clocks see to it: the kernel's, for a peer that acknowledges nothing any more (its machine or network
//! is gone, or it reads nothing at all), and one here, for a peer that takes so little that nothing more can be
//! written. Neither runs while there is nothing to write: an idle connection costs no timer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use metrics::counter;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::crowd::Guest;

/// How many bytes the kernel takes for a connection beyond those that are on their way. Otherwise it would take
/// megabytes of a stream for a client that does not read, before anybody noticed.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 << 10;

/// A connection whose peer has to take what is written to it.
pub(super) struct Wire {
    stream: TcpStream,
    patience: Duration,
    /// Runs while a write waits for room.
    waiting: Option<Pin<Box<Sleep>>>,
    guest: Arc<Guest>,
}

impl Wire {
    /// Sets the connection up; fails when it is lost already.
    pub(super) fn new(stream: TcpStream, patience: Duration, guest: Arc<Guest>) -> io::Result<Self> {
        // Answers are written whole; waiting for more of them only delays.
        stream.set_nodelay(true)?;
        #[cfg(target_os = "linux")]
        {
            let socket = SockRef::from(&stream);
            socket.set_tcp_user_timeout(Some(patience))?;
            socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
        }
        Ok(Self { stream, patience, waiting: None, guest })
    }

    /// The result of a write, or the end of patience when it has waited for too long.
    fn within_patience<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.guest.writes(written.is_pending());
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        if waiting.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        counter!("frontrow_http_write_timeouts_total").increment(1);
        // The kernel is not to go on for us either.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.guest.stays();
        } else if self.guest.has_to_leave(cx) {
            // Nothing was read: as if the peer had gone.
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_patience(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.within_patience(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
