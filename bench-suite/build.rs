//! Tells the program which revision it was built from, where there is one to tell.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let git = |args: &[&str]| {
        let out = Command::new("git").args(args).output().ok()?;
        out.status
            .success()
            .then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    // Where the checked-out revision is written down, in a work tree of its own too. A file that is not there would mean
    // to run again every time.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && std::path::Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let revision = git(&["rev-parse", "--short=12", "HEAD"]).map(|rev| {
        let dirty = git(&["status", "--porcelain", "--untracked-files=no"]);
        match dirty {
            Some(changes) if !changes.is_empty() => rev + "-dirty",
            _ => rev,
        }
    });
    println!(
        "cargo:rustc-env=PIQUET_REVISION={}",
        revision.as_deref().unwrap_or("unknown")
    );
}
