//! The guide to a deployment, followed to the letter on one machine, and the files for containers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Ended, Running, Scratch, free_addresses, text, wait_for_all};
use parse_dockerfile::Instruction;
use saphyr::{LoadableYamlNode, Yaml};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The indented command lines under the headings that begin so.
fn commands(headings: &[&str]) -> Vec<String> {
    let guide = text(&root().join("docs/deploy.md"));
    let mut taken = false;
    let mut found = Vec::new();
    for line in guide.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            taken = headings.iter().any(|h| heading.starts_with(h));
        }
        match line.strip_prefix("    ") {
            Some(command) if taken => found.push(command.to_owned()),
            _ => {}
        }
    }
    found
}

/// A host's name stands for a port of this machine, the folder for one of the test's.
struct Stage {
    scratch: Scratch,
    names: BTreeMap<String, String>,
}

impl Stage {
    fn new() -> Self {
        let scratch = Scratch::new();
        let picture = root().join("bench-suite/data/chelsea.png");
        scratch.write("cat.png", fs::read(picture).unwrap());
        let ports = free_addresses::<4>();
        let hosts = ["a", "b", "c", "d"].map(|h| format!("{h}.example:7700"));
        let names = hosts.into_iter().zip(ports.map(|p| p.to_string()));
        Self {
            scratch,
            names: names.collect(),
        }
    }

    /// A command of the guide as this machine runs it; a smaller network does.
    fn words(&self, command: &str, folder: &str) -> String {
        let words = command.strip_prefix("piquet ").unwrap();
        let words = words.split_whitespace().map(|w| match w {
            "resnet50" => "tiny".to_owned(),
            "cat.png" => "@cat.png".to_owned(),
            w if w == "deployment" || w.starts_with("deployment/") => {
                w.replacen("deployment", &format!("@{folder}"), 1)
            }
            w => self.names.get(w).cloned().unwrap_or(w.to_owned()),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// Copies what a line of `scp` names into the folder of its host.
    fn copy(&self, line: &str) -> String {
        let (files, host) = line.rsplit_once(' ').unwrap();
        let folder = host.strip_suffix(".example:deployment/").unwrap();
        fs::create_dir(self.scratch.path(folder)).unwrap();
        for pattern in files.split_whitespace().skip(1) {
            let pattern = pattern.strip_prefix("deployment/").unwrap();
            let (head, tail) = pattern.split_once('?').unwrap_or((pattern, ""));
            let mut copied = 0;
            for file in fs::read_dir(self.scratch.path("deployment")).unwrap() {
                let file = file.unwrap();
                let name = file.file_name().into_string().unwrap();
                let length = pattern.len();
                if name.len() == length && name.starts_with(head) && name.ends_with(tail) {
                    fs::copy(file.path(), self.scratch.path(folder).join(name)).unwrap();
                    copied += 1;
                }
            }
            assert!(copied > 0, "no file is called {pattern}");
        }
        folder.to_owned()
    }

    fn start(&self, command: &str, folder: &str) -> Running {
        self.scratch.start(&self.words(command, folder))
    }

    fn run(&self, command: &str) -> Ended {
        let end = self.scratch.run(&self.words(command, "deployment"));
        end.good();
        end
    }
}

#[test]
fn the_guide_leads_to_an_answer() {
    let stage = Stage::new();
    let all = commands(&["1.", "2.", "3."]);
    let of = |what: &str| -> Vec<&String> { all.iter().filter(|c| c.starts_with(what)).collect() };
    assert_eq!(of("piquet certs").len() + of("piquet plan").len(), 2);
    for command in of("piquet certs").into_iter().chain(of("piquet plan")) {
        stage.run(command);
    }
    let folders: Vec<String> = of("scp").into_iter().map(|line| stage.copy(line)).collect();
    for id in 0..folders.len() {
        // What the client need not have.
        fs::remove_file(
            stage
                .scratch
                .path("deployment")
                .join(format!("party-{id}.key.pem")),
        )
        .unwrap();
    }
    let parties = of("piquet party");
    let mut started = parties.iter().zip(&folders);
    let mut next = || {
        let (command, folder) = started.next().unwrap();
        stage.start(command, folder)
    };
    let [client] = of("piquet infer")[..] else {
        panic!("one client asks");
    };
    let running = [next(), next(), next(), stage.start(client, "deployment")];
    for end in wait_for_all(running) {
        end.good();
    }
    stage.scratch.assert_clean();
}

#[test]
fn services_run_commands_that_there_are() {
    let file = text(&root().join("deploy/compose.yaml"));
    let all = Yaml::load_from_str(&file).unwrap();
    let [compose] = &all[..] else {
        panic!("one document");
    };
    let services = compose["services"].as_mapping().unwrap();
    let scratch = Scratch::new();
    let mut names = Vec::new();
    for (name, service) in services {
        let words = service["command"].as_sequence().unwrap();
        let words: Vec<&str> = words.iter().map(|w| w.as_str().unwrap()).collect();
        // The command line is understood: what is missing is the folder.
        let end = scratch.run(&words.join(" "));
        end.names(&["/deployment/parties.toml"]);
        assert!(service["hostname"].as_str().is_some(), "{name:?}");
        names.push(name.as_str().unwrap().to_owned());
    }
    assert_eq!(names, ["party-0", "party-1", "party-2", "dealer"]);
    let peer = compose["x-peer"].as_mapping().unwrap();
    let build = peer.iter().find(|(k, _)| k.as_str() == Some("build"));
    let (_, build) = build.unwrap();
    let place = root()
        .join("deploy")
        .join(build["context"].as_str().unwrap());
    assert!(place.join(build["dockerfile"].as_str().unwrap()).is_file());
    for line in commands(&["In containers"]) {
        let (tool, service) = line.rsplit_once(' ').unwrap();
        assert!(tool.contains("deploy/compose.yaml"), "{line}");
        assert!(names.iter().any(|n| n == service), "{line}");
    }
}

#[test]
fn the_container_file_builds_the_command_and_runs_it_without_privileges() {
    let file = text(&root().join("deploy/Containerfile"));
    let parsed = parse_dockerfile::parse(&file).unwrap();
    let stages: Vec<_> = parsed.stages().collect();
    assert_eq!(stages.len(), 2);
    let toolchain = text(&root().join("rust-toolchain.toml"));
    let version = toolchain.split('"').nth(1).unwrap();
    let minor = version.rsplit_once('.').unwrap().0;
    assert!(
        file.contains(&format!("library/rust:{minor}-")),
        "not {minor}"
    );
    let last = &stages[1];
    let words = |i: &Instruction<'_>| match i {
        Instruction::User(_) => "user",
        Instruction::Copy(_) => "copy",
        Instruction::Entrypoint(_) => "entrypoint",
        _ => "other",
    };
    let kinds: Vec<_> = last.instructions.iter().map(words).collect();
    for kind in ["user", "copy", "entrypoint"] {
        assert!(kinds.contains(&kind), "no {kind} in {kinds:?}");
    }
    assert!(file.contains("target/release/piquet "));
}
