//! Parties that were started one by one, as in a real deployment, and what keeps them from beginning.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};

use common::deployment::Deployment;
use common::number;

#[test]
fn three_parties_and_a_client_find_each_other() {
    let mut d = Deployment::new();
    // Nobody has the key of another.
    for (peer, own) in ["party-0", "party-1", "party-2", "client"]
        .iter()
        .enumerate()
    {
        let folder = d.own_files(peer);
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.ends_with(".key.pem") && name != format!("{own}.key.pem") {
                fs::remove_file(&path).unwrap();
            }
        }
        let keys = fs::read_dir(&folder).unwrap().filter(|f| {
            let name = f.as_ref().unwrap().file_name();
            name.to_str().unwrap().ends_with(".key.pem")
        });
        assert_eq!(keys.count(), 1);
    }
    // The client first: nobody has to be there before the others.
    let client = d.start_client();
    let [c, a, b] = [2, 0, 1].map(|id| d.start_party(id));
    d.ends([a, b, c, client]).all_good();
    let report = d.scratch.json("report.json");
    assert_eq!(number(&report, "/check/max_abs_error_fixed_point"), 0.0);
    assert_eq!(report["truncation"], "exact");
}

#[test]
fn keys_are_never_overwritten() {
    let d = Deployment::new();
    let key = d.scratch.path("shared/party-0.key.pem");
    let before = fs::read(&key).unwrap();
    d.scratch
        .run("certs --out @shared")
        .names(&["shared", "is not empty"]);
    assert_eq!(fs::read(&key).unwrap(), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o77, 0);
    }
}

#[test]
fn an_engine_that_is_not_there_is_named() {
    let swap = |toml: String| toml.replace("\"rep3\"", "\"rep4\"");
    let ends = Deployment::new().for_all("parties.toml", swap).run();
    ends.all_name(&["rep4", "rep3", "parties.toml"]);
}

#[test]
fn a_party_that_does_not_start_is_missed_by_the_others() {
    let swap = |toml: String| format!("colour = 3\n{toml}");
    let d = Deployment::new().for_one(1, "parties.toml", swap);
    let ends = d.run();
    ends.0[1].names(&["party 1", "colour", "parties.toml"]);
    for peer in [0, 2, 3] {
        ends.0[peer]
            .names(&["no connection with party 1"])
            .within(30);
    }
}

#[test]
fn an_unknown_key_is_named() {
    let swap = |toml: String| toml.replace("[client]", "[client]\nsecret = 1");
    let ends = Deployment::new().for_all("parties.toml", swap).run();
    ends.all_name(&["secret", "parties.toml"]);
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let mut d = Deployment::new();
    let folder = d.own_files(1);
    d.scratch.run("certs --out @other").good();
    for file in ["ca.pem", "party-1.pem", "party-1.key.pem"] {
        fs::copy(d.scratch.path("other").join(file), folder.join(file)).unwrap();
    }
    let ends = d.run();
    // Who ends first is missed by the others, so what is wrong is told by those who saw it.
    ends.all_name(&["connection with party"]);
    ends.0[1].names(&[
        "no trusted connection with party 0",
        "invalid peer certificate",
    ]);
    ends.0[0].names(&["no connection with party 1", "turned away"]);
}

#[test]
fn nobody_can_be_another_party() {
    let mut d = Deployment::new();
    let folder = d.own_files(2);
    for file in ["pem", "key.pem"] {
        fs::copy(
            folder.join(format!("party-1.{file}")),
            folder.join(format!("party-2.{file}")),
        )
        .unwrap();
    }
    let ends = d.run();
    ends.all_name(&["party 2"]);
    ends.0[2].names(&["refused the connection"]);
    // Once one has refused it, it does not wait for the other's answer; only party 0 knows whose certificate it is.
    let told = "calls itself party 2, but it";
    assert!(
        ends.0[..2].iter().any(|end| end.err.contains(told)),
        "{} and {}",
        ends.0[0].err,
        ends.0[1].err
    );
}

#[test]
fn a_port_in_use_is_named_at_once() {
    let d = Deployment::new();
    let held = TcpListener::bind(d.addresses[1]).unwrap();
    let ends = d.run();
    drop(held);
    let address = d.addresses[1].to_string();
    ends.0[1].names(&["cannot listen at", &address]).within(4);
    ends.all_name(&["party 1"]);
}

#[test]
fn strangers_at_the_ports_change_nothing() {
    let d = Deployment::new();
    let mut silent = Vec::new();
    let parties = [0, 1, 2].map(|id| {
        let address = d.addresses[id];
        let (party, mut http) = d.start_party(id).wait_for_port(address);
        http.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut garbage = TcpStream::connect(address).unwrap();
        // The other side may hang up first.
        let _ = garbage.write_all(&[0x5a; 10_000]);
        silent.push(TcpStream::connect(address).unwrap());
        drop(TcpStream::connect(address).unwrap());
        party
    });
    let [a, b, c] = parties;
    d.ends([a, b, c, d.start_client()]).all_good();
    drop(silent);
}
