//! A full disk wherever files are written: the command names the file, fails, and leaves neither half of it nor anything else.
#![cfg(target_os = "linux")] // file systems are mounted and files limited by Linux' means
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{Ended, Running, Scratch};

/// A folder that is full, or will be soon.
struct Disk {
    scratch: Scratch,
    folder: PathBuf,
    full: Full,
}

/// What makes it so.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Full {
    /// It is a file system of its own with so many KiB.
    Mounted,
    /// Files of a process cannot grow beyond some bytes.
    Limited,
}

impl Disk {
    /// With room for so many KiB: by a file system of its own, if this user may mount one, and else by a limit on files.
    fn new(kib: u32) -> Self {
        let scratch = Scratch::new();
        let folder = scratch.path("disk");
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
            .arg(&folder)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success());
        let full = if mounted {
            Full::Mounted
        } else {
            println!("no file system can be mounted: files are limited instead");
            Full::Limited
        };
        Self {
            scratch,
            folder,
            full,
        }
    }

    fn run(&self, words: &str) -> Ended {
        self.start(words).wait()
    }

    fn start(&self, words: &str) -> Running {
        let command = self.scratch.piquet(words);
        if self.full == Full::Mounted {
            return Running::start(command, words);
        }
        // One block of 512 bytes; whoever exceeds it is told and not killed.
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.stdin(Stdio::null());
        Running::start(shell, words)
    }

    /// Fills it up to the last byte.
    fn fill(&self) {
        if self.full == Full::Mounted {
            let mut n = 1 << 20;
            while n > 0 {
                if fs::write(self.folder.join(format!("ballast-{n}")), vec![0; n]).is_ok() {
                    continue;
                }
                n /= 2;
            }
        }
    }

    /// What is there, without what fills it.
    fn left(&self) -> Vec<OsString> {
        let names = fs::read_dir(&self.folder).unwrap();
        let names = names.map(|f| f.unwrap().file_name());
        names
            .filter(|n| !n.to_string_lossy().starts_with("ballast"))
            .collect()
    }

    #[track_caller]
    fn refuses(&self, end: &Ended, file: &str) {
        let why = match self.full {
            Full::Mounted => "No space left",
            Full::Limited => "File too large",
        };
        end.names(&[file, why]).within(60);
        self.scratch.assert_clean();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.full == Full::Mounted {
            let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
        }
    }
}

const TINY: &str = "--model tiny --size 8";

#[test]
fn a_result_that_does_not_fit_is_not_left_in_part() {
    for (option, file) in [("--output", "result.npy"), ("--json", "report.json")] {
        let disk = Disk::new(16);
        disk.fill();
        // The parties of a run need room of their own, elsewhere.
        let end = match disk.full {
            Full::Mounted => disk.run(&format!("infer {TINY} {option} @disk/{file}")),
            Full::Limited => {
                println!("{option} is tried on a device that is always full");
                let end = disk
                    .scratch
                    .run(&format!("infer {TINY} {option} /dev/full"));
                end.names(&["/dev/full", "No space left"]);
                continue;
            }
        };
        disk.refuses(&end, file);
        assert_eq!(disk.left(), Vec::<OsString>::new());
    }
}

#[test]
fn a_file_that_was_there_outlives_a_full_disk() {
    let disk = Disk::new(16);
    let path = disk.folder.join("plan.json");
    fs::write(&path, "{}").unwrap();
    disk.fill();
    let end = disk.run(&format!("plan {TINY} --json @disk/plan.json"));
    disk.refuses(&end, "plan.json");
    assert_eq!(fs::read(&path).unwrap(), b"{}");
    assert_eq!(disk.left(), ["plan.json"]);
}

#[test]
fn a_program_that_does_not_fit_is_not_left_in_part() {
    let disk = Disk::new(16);
    disk.fill();
    let end = disk.run(&format!("plan {TINY} --program @disk/program.json"));
    disk.refuses(&end, "program.json");
    assert_eq!(disk.left(), Vec::<OsString>::new());
}

#[test]
fn keys_that_do_not_all_fit_are_not_left() {
    // Room for some of nine files.
    let disk = Disk::new(20);
    let end = disk.run("certs --out @disk/keys");
    disk.refuses(&end, ".pem");
    let keys = fs::read_dir(disk.folder.join("keys")).unwrap();
    assert_eq!(keys.count(), 0);
}

#[test]
fn a_run_without_room_for_its_files_starts_no_party() {
    for kib in [16, 40] {
        let disk = Disk::new(kib);
        let words = format!("infer {TINY}");
        let end = match disk.full {
            Full::Mounted => {
                let mut command = disk.scratch.piquet(&words);
                command.env("TMPDIR", &disk.folder);
                Running::start(command, &words).wait()
            }
            Full::Limited => disk.run(&words),
        };
        disk.refuses(&end, "piquet-");
        assert_eq!(disk.left(), Vec::<OsString>::new());
    }
}
