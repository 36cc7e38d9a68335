//! The parties of a local run as processes: none outlives the run, however it ends.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use piquet_nn_ops::transport::{Cast, Peer};

use super::Failure;

/// How long the client may take to say itself what went wrong after a party has failed.
const GRACE: Duration = Duration::from_secs(3);
const GLANCE: Duration = Duration::from_millis(50);

/// The runs of this process, for its one handler of signals.
static RUNS: Mutex<Option<Vec<Weak<Shared>>>> = Mutex::new(None);

/// Running parties and their folder. Dropping it ends them and removes the folder.
#[derive(Debug)]
pub(super) struct Parties {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    children: Mutex<Option<Vec<(Peer, Child)>>>,
    folder: PathBuf,
}

impl Shared {
    /// Ends every party that still runs and removes what the run left behind; the second time nothing is left to do.
    fn clean_up(&self) {
        let children = self
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        for (_, mut child) in children.into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    /// Who has ended with a failure.
    fn failed(&self) -> Option<Peer> {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = |c: &mut Child| {
            let status = c.try_wait().ok().flatten();
            status.is_some_and(|status| !status.success())
        };
        let mut all = children.as_mut()?.iter_mut();
        all.find_map(|(peer, c)| ended(c).then_some(*peer))
    }
}

impl Parties {
    /// Takes over a folder, which is removed in the end, and listens for Ctrl-C.
    pub(super) fn new(folder: PathBuf) -> Result<Self, Failure> {
        let shared = Arc::new(Shared {
            children: Mutex::new(Some(Vec::new())),
            folder,
        });
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.is_none() {
            ctrlc::set_handler(|| {
                let runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner).take();
                for run in runs.into_iter().flatten().filter_map(|r| r.upgrade()) {
                    run.clean_up();
                }
                eprintln!("piquet: interrupted; all parties were stopped");
                std::process::exit(130);
            })?;
        }
        let runs = runs.get_or_insert_default();
        runs.retain(|r| r.strong_count() > 0);
        runs.push(Arc::downgrade(&shared));
        Ok(Self { shared })
    }

    /// Starts the parties of the configuration, and the dealer if there is one; calls `progress` with each layer that party 0
    /// has done.
    pub(super) fn start(
        &self,
        config: &Path,
        cast: Cast,
        progress: impl Fn(u64) + Send + 'static,
    ) -> Result<(), Failure> {
        let program = std::env::current_exe()?;
        let mut progress = Some(progress);
        for peer in cast.peers().filter(|p| *p != Peer::Client) {
            let mut command = Command::new(&program);
            match peer {
                Peer::Party(id) => {
                    command.args(["party", "--id", &id.index().to_string()]);
                }
                _ => {
                    command.arg("dealer");
                }
            }
            command
                .arg("--config")
                .arg(config)
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            let tell = progress.take();
            if tell.is_some() {
                command.arg("--progress").stdout(Stdio::piped());
            }
            let mut child = command.spawn()?;
            if let (Some(tell), Some(out)) = (tell, child.stdout.take()) {
                thread::spawn(move || {
                    for line in BufReader::new(out).lines().map_while(Result::ok) {
                        if let Some(done) = line.strip_prefix("done ").and_then(|n| n.parse().ok())
                        {
                            tell(done);
                        }
                    }
                });
            }
            let mut children = self
                .shared
                .children
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            match children.as_mut() {
                Some(all) => all.push((peer, child)),
                None => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err("the run was stopped".into());
                }
            }
        }
        let shared = self.shared.clone();
        thread::spawn(move || {
            // Ends when the children are gone, with this process at the latest.
            while shared
                .children
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_some()
            {
                if let Some(peer) = shared.failed() {
                    thread::sleep(GRACE);
                    shared.clean_up();
                    eprintln!("piquet: {peer} failed; all parties were stopped");
                    std::process::exit(1);
                }
                thread::sleep(GLANCE);
            }
        });
        Ok(())
    }

    /// Waits for all to end by themselves.
    pub(super) fn join(self) -> Result<(), Failure> {
        let children = self
            .shared
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        for (peer, mut child) in children.into_iter().flatten() {
            let status = child.wait()?;
            if !status.success() {
                return Err(format!("{peer} ended with {status}").into());
            }
        }
        Ok(())
    }
}

impl Drop for Parties {
    fn drop(&mut self) {
        self.shared.clean_up();
    }
}

/// Addresses on this machine that were free a moment ago.
pub(super) fn free_addresses(count: usize) -> Result<Vec<String>, Failure> {
    // All are held until the last is found, so that they differ.
    let held = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<Vec<_>, _>>()?;
    held.iter()
        .map(|l| Ok(l.local_addr()?.to_string()))
        .collect()
}
