//! A connection whose other end may not keep it waiting for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// For a whole request, from its first byte: longer than its body alone may take, which gets an answer.
const REQUEST_WITHIN: Duration = Duration::from_secs(20);
/// For the first byte of a request, on a new connection. Nobody connects for later.
const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// For the first byte of the next request. Longer than Argo CD's client keeps a connection (90 s, Go's
/// `DefaultTransport`): the end that closes it must be the one that would send, or a request gets lost in between, which
/// costs an ApplicationSet three minutes.
const NEXT_WITHIN: Duration = Duration::from_mins(2);
/// For any part of an answer to be taken.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// A stream whose reads and writes fail with [`io::ErrorKind::TimedOut`] when the other end takes too long.
pub(crate) struct Patient<S> {
    stream: S,
    reading: Reading,
    read_until: Pin<Box<Sleep>>,
    write_until: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// For a request to begin.
    Waiting,
    /// One has begun, and is not answered yet.
    Begun,
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            reading: Reading::Waiting,
            read_until: Box::pin(sleep_until(Instant::now() + FIRST_WITHIN)),
            write_until: None,
        }
    }

    fn read_within(&mut self, reading: Reading, within: Duration) {
        self.reading = reading;
        self.read_until.as_mut().reset(Instant::now() + within);
    }

    /// What a write gave; or that the other end takes nothing any more.
    fn written<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.write_until = None;
            self.read_within(Reading::Waiting, NEXT_WITHIN);
            return wrote;
        }
        let until = self
            .write_until
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + TAKEN_WITHIN)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        // A request that trickles in is waited for no longer than one that does not come.
        if read.is_ready() && self.reading == Reading::Waiting {
            self.read_within(Reading::Begun, REQUEST_WITHIN);
            return read;
        }
        if self.read_until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.written(cx, wrote)
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
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    /// How long until this ends for want of the other side.
    async fn ends<T>(work: impl Future<Output = io::Result<T>>) -> u64 {
        let start = Instant::now();
        let error = work.await.err();
        assert_eq!(error.map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
        start.elapsed().as_secs()
    }

    fn pair() -> (Patient<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(16);
        (Patient::new(near), far)
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_not_waited_for() {
        let (mut near, _far) = pair();
        assert_eq!(ends(near.read_u8()).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_trickles_in_is_as_late_as_one_that_does_not_come() {
        let (mut near, mut far) = pair();
        tokio::spawn(async move {
            while far.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        let all = async {
            loop {
                near.read_u8().await?;
            }
        };
        assert!((20..24).contains(&ends::<()>(all).await));
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_request_may_take_longer_than_a_client_keeps_the_connection() {
        let (mut near, mut far) = pair();
        for _ in 0..3 {
            far.write_all(b"x").await.unwrap();
            near.read_u8().await.unwrap();
            near.write_all(b"y").await.unwrap();
            far.read_u8().await.unwrap();
            tokio::time::sleep(Duration::from_secs(95)).await;
        }
        assert_eq!(ends(near.read_u8()).await, 120 - 95);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_given_up() {
        let (mut near, mut far) = pair();
        assert_eq!(ends(near.write_all(&[0; 100])).await, 10);
        // Slowly is not never.
        let (mut near, mut slow) = pair();
        std::mem::swap(&mut far, &mut slow);
        let reader = tokio::spawn(async move {
            let mut all = [0; 100];
            for byte in &mut all {
                tokio::time::sleep(Duration::from_millis(500)).await;
                *byte = far.read_u8().await.unwrap();
            }
        });
        near.write_all(&[0; 100]).await.unwrap();
        reader.await.unwrap();
    }
}
