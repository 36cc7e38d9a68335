//! Three parties and a client that share nothing but what `piquet certs` and `piquet plan` wrote.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Ended, Running, Scratch, free_addresses, text, wait_for_all};

/// Files of a deployment of `tiny`; what a peer is to see differently is changed in a copy of its own.
pub struct Deployment {
    pub scratch: Scratch,
    pub addresses: [SocketAddr; 3],
    folders: [String; 4],
}

/// Everyone's end; the client is the last.
pub struct Ends(pub [Ended; PEERS]);

const CLIENT: usize = 3;
const PEERS: usize = 4;

impl Deployment {
    /// Short deadlines, so that failures come soon.
    pub fn new() -> Self {
        let scratch = Scratch::new();
        let addresses @ [a, b, c] = free_addresses();
        scratch
            .run(&format!("certs --out @shared --parties {a} {b} {c}"))
            .good();
        scratch
            .run("plan --model tiny --truncation exact --program @shared/program.json")
            .good();
        let deployment = Self {
            scratch,
            addresses,
            folders: [(); PEERS].map(|()| "shared".to_owned()),
        };
        deployment.edit("shared", "parties.toml", |toml| {
            toml.replace("deadline_seconds = 60", "deadline_seconds = 5")
                .replace("connect_seconds = 30", "connect_seconds = 5")
                .replace("\"stochastic\"", "\"exact\"")
        });
        deployment
    }

    fn edit(&self, folder: &str, file: &str, change: impl Fn(String) -> String) {
        let path = self.scratch.path(folder).join(file);
        let before = text(&path);
        let after = change(before.clone());
        assert_ne!(after, before, "nothing to change in {file}");
        fs::write(path, after).unwrap();
    }

    /// Changes a file of everyone.
    pub fn for_all(self, file: &str, change: impl Fn(String) -> String) -> Self {
        self.edit("shared", file, change);
        self
    }

    /// Gives one peer, 3 being the client, files of its own.
    pub fn own_files(&mut self, peer: usize) -> PathBuf {
        let folder = format!("peer-{peer}");
        let path = self.scratch.path(&folder);
        fs::create_dir(&path).unwrap();
        for file in fs::read_dir(self.scratch.path("shared")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), path.join(file.file_name())).unwrap();
        }
        self.folders[peer] = folder;
        path
    }

    /// Changes a file as one peer sees it.
    pub fn for_one(mut self, peer: usize, file: &str, change: impl Fn(String) -> String) -> Self {
        self.own_files(peer);
        self.edit(&self.folders[peer], file, change);
        self
    }

    pub fn start_party(&self, id: usize) -> Running {
        let config = format!("@{}/parties.toml", self.folders[id]);
        self.scratch
            .start(&format!("party --config {config} --id {id} --progress"))
    }

    pub fn start_client(&self) -> Running {
        let config = format!("@{}/parties.toml", self.folders[CLIENT]);
        self.scratch.start(&format!(
            "infer --model tiny --truncation exact --config {config} --json @report.json --output @result.npy"
        ))
    }

    pub fn start(&self) -> [Running; PEERS] {
        let [a, b, c] = [0, 1, 2].map(|id| self.start_party(id));
        [a, b, c, self.start_client()]
    }

    pub fn run(&self) -> Ends {
        self.ends(self.start())
    }

    pub fn ends(&self, all: [Running; PEERS]) -> Ends {
        let ends = Ends(wait_for_all(all));
        self.scratch.assert_clean();
        ends
    }
}

impl Ends {
    #[track_caller]
    pub fn all_good(&self) {
        for end in &self.0 {
            end.good();
        }
    }

    /// Every peer failed, and each for a reason that holds all of these words.
    #[track_caller]
    pub fn all_name(&self, what: &[&str]) {
        for end in &self.0 {
            end.names(what).within(60);
        }
    }
}
