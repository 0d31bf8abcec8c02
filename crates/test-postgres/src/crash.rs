//! Killing a server with all its processes, so that nothing gets the time to tidy up.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Kills the server of a data folder, and removes the note that it left about itself: its process id may be
/// somebody else's soon.
pub(crate) fn kill_server(data: &Path) -> Result<(), String> {
    let note = data.join("postmaster.pid");
    let text = fs::read_to_string(&note).map_err(|error| format!("no server runs: {error}"))?;
    let server = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok());
    let server = server.ok_or("the server's own id is not told")?;
    // Stopped first: so it has no more children than those that are found.
    signal("STOP", &[server]);
    let mut all = children(server);
    all.push(server);
    signal("KILL", &all);
    let began = Instant::now();
    while !all.iter().all(|process| is_gone(*process)) {
        if began.elapsed() > TIMEOUT {
            return Err("processes of the server do not end".into());
        }
        sleep(Duration::from_millis(5));
    }
    fs::remove_file(&note).map_err(|error| format!("{}: {error}", note.display()))
}

fn signal(name: &str, processes: &[u32]) {
    let ids = processes.iter().map(ToString::to_string);
    // One that has just ended by itself makes it fail, and changes nothing.
    let _ = Command::new("kill").args(["-s", name]).args(ids).stderr(Stdio::null()).status();
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|process| state(*process).is_some_and(|(_, of)| of == parent))
        .collect()
}

/// Whether a process has ended, also when nobody has taken note of it yet.
fn is_gone(process: u32) -> bool {
    state(process).is_none_or(|(state, _)| state == "Z")
}

/// The state of a process, and its parent.
fn state(process: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold anything, also brackets.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
