//! The commands of docs/guides/operate.md, all of them, as they stand there and one after the other.

use std::{
    fs,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::Folder;

const GUIDE: &str = include_str!("../../../../docs/guides/operate.md");

/// It builds the program that this test runs.
const BUILD: &str = "cargo build --release --package countersign-server\n";

/// How long a server may take to listen, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

fn blocks() -> Vec<&'static str> {
    let blocks = GUIDE.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(block, _)| block).filter(|block| *block != BUILD).collect()
}

fn shell(block: &str, folder: &Path) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let mut shell = Command::new("sh");
    shell.args(["-ec", block]).current_dir(folder).env("PATH", path).stdin(Stdio::null());
    shell
}

/// Until that stands in the file.
fn until(log: &Path, line: &str) {
    let begun = Instant::now();
    loop {
        let said = fs::read_to_string(log).unwrap();
        if said.contains(line) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{line}: {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a block that ends with a server, and stops it as a service manager does.
fn serve(block: &str, folder: &Path) {
    let log = folder.join("serve.log");
    let mut shell = shell(block, folder);
    let mut server =
        shell.process_group(0).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    until(&log, "listening");
    let group = format!("-{}", server.id());
    assert!(Command::new("kill").args(["-TERM", "--", &group]).status().unwrap().success());
    server.wait().unwrap();
    until(&log, " stopped");
}

#[test]
fn every_command_of_the_guide_runs_as_it_stands_there() {
    let folder = Folder::new();
    let at = folder.folder.path();
    let text = folder.configuration("").replace("master.key", "master-1.key");
    folder.write(&text);
    fs::write(at.join("countersign.log"), "4bf92f3577b34da6a3ce929d0e0e4736\n").unwrap();
    let mut served = 0;
    for block in blocks() {
        if block.contains("countersign serve") {
            serve(block, at);
            served += 1;
            continue;
        }
        let mut running =
            shell(block, at).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        running.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        running.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert!(running.wait().unwrap().success(), "{block}{out}{err}");
    }
    assert_eq!(served, 1, "the guide starts the server once");
    for copy in ["copy-1.db", "copy.db"] {
        assert!(fs::metadata(at.join(copy)).unwrap().len() > 0, "{copy} is empty");
    }
}
