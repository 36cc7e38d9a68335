//! The command under test as processes: started, watched, and in the end shown to have left nothing behind.
#![allow(dead_code)] // each test file uses its part
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_debug_implementations
)] // helpers of tests

pub mod deployment;
pub mod npy;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a busy machine; no test waits for it unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(120);
const GLANCE: Duration = Duration::from_millis(10);
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A folder of one test's own, also for the temporary files of all processes it starts.
pub struct Scratch {
    root: PathBuf,
}

impl Scratch {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("piquet-test-{}-{n}", std::process::id()));
        fs::create_dir_all(root.join("tmp")).unwrap();
        Self { root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The command with these words, not yet started. A word that begins with `@` is a file in this folder.
    pub fn piquet(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_piquet-under-test"));
        for word in words.split_whitespace() {
            match word.strip_prefix('@') {
                Some(name) => command.arg(self.path(name)),
                None => command.arg(word),
            };
        }
        command
            .env("TMPDIR", self.root.join("tmp"))
            .env_remove("PIQUET_CPU")
            .stdin(Stdio::null());
        command
    }

    pub fn start(&self, words: &str) -> Running {
        Running::start(self.piquet(words), words)
    }

    pub fn run(&self, words: &str) -> Ended {
        self.start(words).wait()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Processes whose command line names this folder, as Linux tells them.
    pub fn processes(&self) -> Vec<Process> {
        let needle = format!("{}/", self.root.display());
        let mut found: Vec<Process> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(Process::read)
            .filter(|p| p.words.iter().any(|w| w.contains(&needle)))
            .collect();
        found.sort_by_key(|p| p.pid);
        found
    }

    /// The parties that a launcher has started here, by number.
    pub fn party(&self, id: usize) -> Option<Process> {
        let words = ["--id".to_owned(), id.to_string()];
        self.processes()
            .into_iter()
            .find(|p| p.words.windows(2).any(|w| *w == words))
    }

    /// Waits until three parties have connected to each other and to the client, and so have begun.
    pub fn wait_for_sessions(&self) {
        wait_until("three sessions", || {
            (0..3).all(|id| self.party(id).is_some_and(|p| p.in_session()))
        });
    }

    /// No process is left, and no temporary file.
    pub fn assert_clean(&self) {
        self.assert_no_processes();
        let left: Vec<_> = fs::read_dir(self.root.join("tmp")).unwrap().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    pub fn assert_no_processes(&self) {
        let left = self.processes();
        assert!(left.is_empty(), "still running: {left:?}");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for p in self.processes() {
            p.signal("KILL");
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A process as the system lists it.
#[derive(Debug)]
pub struct Process {
    pub pid: u32,
    pub words: Vec<String>,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words = line.split(|b| *b == 0);
        let words = words.map(|w| String::from_utf8_lossy(w).into_owned());
        Some(Self {
            pid,
            words: words.collect(),
        })
    }

    /// Whether the threads of a session run; their names are the peers'.
    fn in_session(&self) -> bool {
        let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", self.pid)) else {
            return false;
        };
        tasks.flatten().any(|task| {
            let name = fs::read_to_string(task.path().join("comm"));
            name.is_ok_and(|n| n.trim() == "from the client")
        })
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid, name);
    }
}

pub fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// Free ports of this machine, apart from those that the system gives to outgoing connections: a caller that is too early
/// could be given, as its own, the very port that it calls.
pub fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    std::array::from_fn(|_| {
        loop {
            let n = std::process::id().wrapping_mul(97) + NEXT.fetch_add(1, Ordering::Relaxed);
            let port = 12_000 + u16::try_from(n % 20_000).unwrap();
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            if TcpListener::bind(address).is_ok() {
                return address;
            }
        }
    })
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(GLANCE);
    }
}

/// A started command, killed if nobody waits for it.
pub struct Running {
    child: Child,
    words: String,
    since: Instant,
    ended: Option<Instant>,
    /// They end when the last process that holds the pipe has ended: the command, or a party that outlives it.
    output: Option<[Output; 2]>,
}

impl Running {
    pub fn start(mut command: Command, words: &str) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self {
            child,
            words: words.to_owned(),
            since: Instant::now(),
            ended: None,
            output: Some([Output::of(out), Output::of(err)]),
        }
    }

    /// Writes to its standard input, if it still listens.
    pub fn tell(&mut self, line: &str) {
        if let Some(stdin) = &mut self.child.stdin {
            let _ = stdin.write_all(line.as_bytes());
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        if self.ended.is_none() && self.child.try_wait().unwrap().is_some() {
            self.ended = Some(Instant::now());
        }
        self.ended.is_some()
    }

    /// Waits until someone answers at this address, as the command should.
    pub fn wait_for_port(mut self, address: SocketAddr) -> (Self, TcpStream) {
        let mut socket = None;
        wait_until("a port", || {
            socket = TcpStream::connect(address).ok();
            socket.is_some() || self.has_ended()
        });
        match socket {
            Some(socket) => (self, socket),
            None => panic!("nobody answers at {address}: {:#?}", self.wait()),
        }
    }

    /// Waits until the command has written this to its standard output.
    pub fn wait_for(&mut self, what: &str) {
        let words = self.words.clone();
        wait_until(&format!("`{words}` to say `{what}`"), || {
            // What it said last may come after its end is known.
            let ended = self.ended.is_some_and(|at| at.elapsed() > LAST_WORDS);
            let [out, err] = self.output.as_ref().unwrap();
            let said = out.so_far().contains(what);
            assert!(
                said || !ended,
                "`{words}` ended before `{what}`: {}",
                err.so_far()
            );
            self.has_ended();
            said
        });
    }

    pub fn wait(self) -> Ended {
        let [end] = wait_for_all([self]);
        end
    }

    /// How it ended, as it has.
    pub fn ended(mut self) -> Ended {
        let status = self.child.wait().unwrap();
        let [(out, _), (err, silent)] = self.output.take().unwrap().map(Output::join);
        Ended {
            words: self.words.clone(),
            code: status.code(),
            out,
            err,
            after: self.ended.unwrap() - self.since,
            all_after: silent - self.since,
        }
    }
}

/// Waits for several commands at once, so that each one's time is its own.
pub fn wait_for_all<const N: usize>(mut all: [Running; N]) -> [Ended; N] {
    wait_for_ends(&mut all);
    all.map(Running::ended)
}

/// Waits until all of them have ended.
pub fn wait_for_ends(all: &mut [Running]) {
    let words: Vec<_> = all.iter().map(|r| r.words.clone()).collect();
    wait_until(&format!("the end of `{}`", words.join("`, `")), || {
        // All of them are asked, none is waited for.
        let running = all.iter_mut().map(|r| !r.has_ended()).filter(|r| *r);
        running.count() == 0
    });
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes through a pipe, read as it comes.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<Instant>,
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let seen = bytes.clone();
        let reader = thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(n @ 1..) = pipe.read(&mut some) {
                seen.lock().unwrap().extend_from_slice(&some[..n]);
            }
            Instant::now()
        });
        Self { bytes, reader }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// All of it, and when it ended.
    fn join(self) -> (String, Instant) {
        let end = self.reader.join().unwrap();
        let all = String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned();
        (all, end)
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    words: String,
    /// `None` if it was killed.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    /// When the command ended.
    pub after: Duration,
    /// When the last process that it had started ended.
    pub all_after: Duration,
}

impl Ended {
    #[track_caller]
    pub fn good(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// It failed, by itself, and its words hold all of these.
    #[track_caller]
    pub fn names(&self, what: &[&str]) -> &Self {
        assert_eq!(self.code, Some(1), "{self:#?}");
        for word in what {
            assert!(self.err.contains(word), "`{word}` is not told: {self:#?}");
        }
        // A panic is never the way to refuse.
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn within(&self, seconds: u64) -> &Self {
        assert!(
            self.all_after < Duration::from_secs(seconds),
            "too late: {self:#?}"
        );
        self
    }
}

/// A number in a report.
#[track_caller]
pub fn number(json: &Value, pointer: &str) -> f64 {
    json.pointer(pointer)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no number at {pointer}"))
}

pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
