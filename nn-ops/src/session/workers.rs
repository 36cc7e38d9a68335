//! The threads of a session: one reader and one writer for each peer.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::Limits;
use super::inbox::{Broken, Inbox};
use super::outbox::{Message, Outbound, Outbox};
use super::shared::{Line, Pulse, Shared};
use crate::transport::frame::{CHUNK, FrameHeader, HEADER, Kind, LAST, sanitise};
use crate::transport::{Link, Links, NetError, Peer, Source};

/// How long a failing party waits for its last words to leave, or for a peer's to arrive.
const GRACE: Duration = Duration::from_millis(500);

/// Bytes of memory that a process does well not to return to the system each time they become free.
const KEPT: usize = 4 << 20;

/// The running threads. Dropping it breaks every link and joins them all.
pub(super) struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    closers: Vec<Box<dyn Fn() + Send + Sync>>,
    /// Disconnected when all writers have ended.
    writers: Receiver<()>,
    /// Disconnected when all readers have ended.
    readers: Receiver<()>,
}

impl core::fmt::Debug for Workers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Workers").finish_non_exhaustive()
    }
}

/// Starts the threads of all links.
pub(super) fn start(links: Links, limits: Limits) -> Result<(Arc<Shared>, Workers), NetError> {
    keep_memory();
    let mut lines = BTreeMap::new();
    for &peer in links.by_peer.keys() {
        let line = Line {
            inbox: Inbox::new(peer, limits.early_bytes),
            outbox: Outbox::default(),
            heard: Pulse::default(),
            alive: Pulse::default(),
            wrote: Pulse::default(),
            sent_all: AtomicBool::new(false),
        };
        lines.insert(peer, line);
    }
    let shared = Arc::new(Shared::new(links.me, links.cast, limits, lines));
    let (alive_writers, writers) = bounded(0);
    let (alive_readers, readers) = bounded(0);
    let mut workers = Workers {
        shared: shared.clone(),
        threads: Vec::new(),
        closers: Vec::new(),
        writers,
        readers,
    };
    for (peer, link) in links.by_peer {
        let Link {
            writer,
            reader,
            closer,
            ..
        } = link;
        workers.closers.push(closer);
        let (state, alive) = (shared.clone(), alive_writers.clone());
        workers.spawn(format!("to {peer}"), move || {
            write_loop(&state, peer, writer);
            drop(alive);
        })?;
        let (state, alive) = (shared.clone(), alive_readers.clone());
        workers.spawn(format!("from {peer}"), move || {
            read_loop(&state, peer, reader);
            drop(alive);
        })?;
    }
    Ok((shared, workers))
}

impl Workers {
    fn spawn(
        &mut self,
        name: String,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), NetError> {
        let handle =
            thread::Builder::new()
                .name(name)
                .spawn(body)
                .map_err(|e| NetError::Thread {
                    cause: e.to_string(),
                })?;
        self.threads.push(handle);
        Ok(())
    }

    /// Says goodbye to everyone and waits until everyone has.
    pub(super) fn finish(&self) -> Result<(), NetError> {
        let shared = &self.shared;
        let since = Instant::now();
        for &peer in shared.lines.keys() {
            shared.enqueue(peer, Outbound::Bye)?;
        }
        for (gone, doing) in [(&self.writers, "sending"), (&self.readers, "its farewell")] {
            while let Err(RecvTimeoutError::Timeout) = gone.recv_timeout(Duration::from_millis(20))
            {
                shared.check()?;
                for (&peer, line) in &shared.lines {
                    if !line.sent_all.load(Ordering::Acquire) {
                        shared.patience(peer, since, &line.wrote, doing)?;
                    } else if !line.inbox.has_ended() {
                        // It may still be at work with others, when this one only helped and is done.
                        shared.patience(peer, since, &line.alive, doing)?;
                    }
                }
            }
        }
        shared.check()?;
        shared
            .lines
            .values()
            .try_for_each(|line| line.inbox.check_empty())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // After a farewell this changes nothing, except that forks still around learn that it is over.
        self.shared.fail(NetError::Dropped);
        // Last words are on their way, unless a peer does not listen.
        let _ = self.writers.recv_timeout(GRACE);
        self.closers.iter().for_each(|close| close());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Messages come and go by the thousand, and glibc returns as little as 128 KiB to the system, which then clears the same
/// pages again for the next message: up to a third of all the time of a link. It returns no less than twice the
/// largest block that was ever freed, so we free a large one, without touching it. Other allocators do not mind.
fn keep_memory() {
    drop(core::hint::black_box(Vec::<u8>::with_capacity(KEPT)));
}

fn write_loop(shared: &Shared, peer: Peer, mut stream: Box<dyn Write + Send>) {
    let written = match shared.line(peer) {
        Ok(line) => write_all(shared, line, &mut stream),
        Err(_) => Ok(()),
    };
    if let Err(e) = written {
        // A peer that aborts also stops reading: its own words, which the reader hears, tell more than a broken pipe.
        let _ = shared.stopped.recv_timeout(GRACE);
        shared.fail(io_error(peer, &e));
    }
}

fn write_all(shared: &Shared, line: &Line, stream: &mut dyn Write) -> io::Result<()> {
    let quiet = (shared.limits.deadline / 4).max(Duration::from_millis(1));
    loop {
        let next = match line.outbox.try_next() {
            Some(next) => Some(next),
            None => {
                // What was written leaves now, and not before: messages that wait together go in one piece.
                stream.flush()?;
                line.outbox.next(quiet)
            }
        };
        match next {
            Some(Outbound::Message(message)) if shared.failure().is_none() => {
                write_message(shared, line, stream, &message)?;
                let length = message.payload.len();
                drop(message);
                line.outbox.wrote(length);
            }
            Some(Outbound::Alive) if shared.failure().is_none() => {
                write_frame(stream, &control(Kind::Alive, 0), &[])?;
            }
            Some(Outbound::Bye) if shared.failure().is_none() => {
                write_frame(stream, &control(Kind::Bye, 0), &[])?;
                stream.flush()?;
                line.sent_all.store(true, Ordering::Release);
                return Ok(());
            }
            _ => {
                let reason = shared.failure().map(ToString::to_string);
                let reason = sanitise(&reason.unwrap_or_default());
                write_frame(
                    stream,
                    &control(Kind::Abort, reason.len()),
                    reason.as_bytes(),
                )?;
                return stream.flush();
            }
        }
    }
}

/// Writes a message frame by frame, or stops between two of them if the session fails.
fn write_message(
    shared: &Shared,
    line: &Line,
    stream: &mut dyn Write,
    message: &Message,
) -> io::Result<()> {
    let payload = &message.payload;
    let pieces = payload.len().div_ceil(CHUNK).max(1);
    for index in 0..pieces {
        if shared.failure().is_some() {
            break;
        }
        let start = index * CHUNK;
        let piece = &payload[start..payload.len().min(start + CHUNK)];
        let header = FrameHeader {
            kind: Kind::Data,
            flags: if index + 1 == pieces { LAST } else { 0 },
            length: piece.len(),
            session: message.tag,
            step: message.step.to_u64(),
            depth: message.depth,
        };
        write_frame(stream, &header, piece)?;
        line.wrote.beat(shared.began);
    }
    Ok(())
}

fn control(kind: Kind, length: usize) -> FrameHeader {
    FrameHeader {
        kind,
        flags: 0,
        length,
        session: 0,
        step: 0,
        depth: 0,
    }
}

/// Writes header and payload without joining them first.
pub(crate) fn write_frame(
    stream: &mut dyn Write,
    header: &FrameHeader,
    payload: &[u8],
) -> io::Result<()> {
    let header = header.encode();
    let (mut head, mut body) = (&header[..], payload);
    while !head.is_empty() {
        match stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => {
                let of_head = n.min(head.len());
                head = &head[of_head..];
                body = &body[n - of_head..];
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    stream.write_all(body)
}

fn read_loop(shared: &Shared, peer: Peer, mut stream: Box<dyn Source>) {
    match read_all(shared, peer, &mut stream) {
        Ok(()) | Err(Broken::Closed) => {}
        Err(Broken::Net(e)) => {
            shared.fail(e);
        }
        Err(Broken::Io(e)) => {
            shared.fail(io_error(peer, &e));
        }
    }
}

fn read_all(shared: &Shared, peer: Peer, stream: &mut dyn Source) -> Result<(), Broken> {
    let line = shared.line(peer)?;
    loop {
        let mut header = [0; HEADER];
        stream.read_exact(&mut header)?;
        let header =
            FrameHeader::decode(&header).map_err(|problem| NetError::BadFrame { peer, problem })?;
        line.alive.beat(shared.began);
        // A party that waits for a party's message is not content with a sign of life: it knows what is due.
        if header.kind != Kind::Alive || shared.me == Peer::Client {
            line.heard.beat(shared.began);
        }
        match header.kind {
            Kind::Data => {
                line.inbox
                    .receive(&header, stream, shared.limits.deadline)?;
                line.heard.beat(shared.began);
            }
            Kind::Abort => {
                let mut reason = vec![0; header.length];
                stream.read_exact(&mut reason)?;
                let reason = sanitise(&String::from_utf8_lossy(&reason));
                return Err(NetError::Aborted { peer, reason }.into());
            }
            Kind::Bye => return Ok(line.inbox.end()?),
            Kind::Alive => {}
        }
    }
}

fn io_error(peer: Peer, e: &io::Error) -> NetError {
    match e.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::BrokenPipe
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::WriteZero
        | ErrorKind::NotConnected => NetError::HungUp { peer },
        _ => NetError::Io {
            peer,
            cause: e.to_string(),
        },
    }
}
