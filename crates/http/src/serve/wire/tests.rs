use std::task::Waker;

use tokio::net::TcpListener;
use tokio::time::advance;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// One end of a connection, and the other.
async fn wire() -> (Wire, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
    let peer = TcpStream::connect(listener.local_addr().expect("address")).await.expect("connection");
    let (stream, _) = listener.accept().await.expect("connection");
    (Wire::new(stream, PATIENCE, Arc::default()).expect("wire"), peer)
}

/// What becomes of a write of which the kernel says this.
fn write(wire: &mut Wire, kernel: Poll<usize>) -> Poll<Result<usize, io::ErrorKind>> {
    let mut context = Context::from_waker(Waker::noop());
    wire.within_patience(&mut context, kernel.map(Ok)).map_err(|error| error.kind())
}

/// A moment less than a peer may take.
const ALMOST: Duration = PATIENCE.saturating_sub(Duration::from_millis(1));

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_for_too_long_is_given_up() {
    let (mut wire, _peer) = wire().await;
    assert_eq!(write(&mut wire, Poll::Pending), Poll::Pending);
    advance(ALMOST).await;
    assert_eq!(write(&mut wire, Poll::Pending), Poll::Pending);
    advance(Duration::from_millis(1)).await;
    assert_eq!(write(&mut wire, Poll::Pending), Poll::Ready(Err(io::ErrorKind::TimedOut)));
    let linger = SockRef::from(&wire.stream).linger().expect("option");
    assert_eq!(linger, Some(Duration::ZERO), "the kernel drops what it has");
}

#[tokio::test(start_paused = true)]
async fn who_takes_a_little_is_waited_for() {
    let (mut wire, _peer) = wire().await;
    for _ in 0..5 {
        assert_eq!(write(&mut wire, Poll::Pending), Poll::Pending);
        advance(ALMOST).await;
        assert_eq!(write(&mut wire, Poll::Ready(1)), Poll::Ready(Ok(1)));
        assert!(wire.waiting.is_none(), "no timer while nothing waits");
        // Silence is not impatience.
        advance(10 * PATIENCE).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_gives_up_peers_that_have_vanished_and_takes_little_in_advance() {
    let (wire, _peer) = wire().await;
    let socket = SockRef::from(&wire.stream);
    assert_eq!(socket.tcp_user_timeout().expect("option"), Some(PATIENCE));
    assert_eq!(socket.tcp_notsent_lowat().expect("option"), UNSENT_BYTES);
    assert!(socket.tcp_nodelay().expect("option"));
    assert!(wire.is_write_vectored(), "answers are not copied together");
}
