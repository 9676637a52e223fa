//! What processes cost, and who else is at work on this machine: from `/proc`.

use std::{
    fs::{self, File},
    io::{Result, Write as _},
    path::Path,
    time::{Duration, Instant},
};

/// Clock ticks in a second: `USER_HZ`, which Linux has fixed for what it shows in `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Octets appended before each sync: a page, as SQLite's log has them.
const PAGE: usize = 4_096;

/// What this disk can do when it syncs for each write: what one writer without group commit cannot pass.
///
/// # Errors
/// When the file cannot be written.
pub fn syncs_per_second(path: &Path, time: Duration) -> Result<f64> {
    let mut file = File::create(path)?;
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < time {
        file.write_all(&[0x5a; PAGE])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

/// CPU time of a process so far, in seconds: its own and that of the children that it has waited for.
pub fn cpu_seconds(process: u32) -> f64 {
    // The name, in parentheses, may hold anything: fields are counted after it.
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    // utime, stime, cutime and cstime are fields 14 to 17; state, the first here, is field 3.
    sum(fields.split_whitespace().skip(11).take(4)) / TICKS_PER_SECOND
}

/// Resident memory of a process, in bytes.
pub fn resident_bytes(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    sum(line.unwrap_or_default().split_whitespace().take(1)) * 1024.0
}

/// Children of a process, such as the workers of nginx.
pub fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Measures what part of the machine others use meanwhile.
#[derive(Debug)]
pub struct Foreign {
    ours: Vec<u32>,
    begun: Instant,
    busy: f64,
    own: f64,
}

impl Foreign {
    /// Begins; this process is ours, and so are those.
    pub fn begin(processes: &[u32]) -> Self {
        let mut ours = processes.to_vec();
        ours.push(std::process::id());
        Self {
            begun: Instant::now(),
            busy: busy_seconds(),
            own: ours.iter().map(|process| cpu_seconds(*process)).sum(),
            ours,
        }
    }

    /// What others used since, in per cent of all cores. A peer's run is disturbed above 8.
    pub fn percent(&self) -> f64 {
        let own: f64 = self.ours.iter().map(|process| cpu_seconds(*process)).sum();
        let foreign = busy_seconds() - self.busy - (own - self.own);
        let all = self.begun.elapsed().as_secs_f64() * cores();
        (100.0 * foreign / all).max(0.0)
    }
}

/// How many cores there are.
pub fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

/// CPU time of everybody since the machine was started, in seconds.
fn busy_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let mut fields = stat.lines().next().unwrap_or_default().split_whitespace();
    // cpu user nice system idle iowait irq softirq
    let busy: Vec<&str> = fields.by_ref().skip(1).take(7).collect();
    let idle = busy.iter().copied().skip(3).take(2);
    (sum(busy.iter().copied()) - sum(idle)) / TICKS_PER_SECOND
}

fn sum<'a>(numbers: impl Iterator<Item = &'a str>) -> f64 {
    numbers.filter_map(|number| number.parse::<f64>().ok()).sum()
}
