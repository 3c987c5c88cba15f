//! [`Process`]: the usual metrics of a process, from Linux's `/proc`.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// Clock ticks in a second in `/proc`: the same on every architecture of which
/// the kernel is built today.
const TICKS_PER_S: f64 = 100.0;

/// Shows what the [client libraries] of Prometheus show for every process, as
/// far as the operating system provides it.
///
/// [client libraries]: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
#[derive(Debug)]
pub(super) struct Process {
    start_s: Option<f64>,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { start_s: start_s() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(cpu_s) = cpu_s() {
            encoder
                .encode_descriptor(
                    "process_cpu",
                    "User and system processor time.",
                    Some(&Unit::Seconds),
                    MetricType::Counter,
                )?
                .encode_counter::<NoLabelSet, _, u64>(&cpu_s, None)?;
        }
        gauge(
            &mut encoder,
            ("process_open_fds", "Open file descriptors.", None),
            open_fds(),
        )?;
        gauge(
            &mut encoder,
            (
                "process_max_fds",
                "The most file descriptors that may be open.",
                None,
            ),
            max_fds(),
        )?;
        gauge(
            &mut encoder,
            (
                "process_virtual_memory",
                "Virtual memory.",
                Some(Unit::Bytes),
            ),
            memory_bytes("VmSize:"),
        )?;
        gauge(
            &mut encoder,
            (
                "process_resident_memory",
                "Resident memory.",
                Some(Unit::Bytes),
            ),
            memory_bytes("VmRSS:"),
        )?;
        gauge(
            &mut encoder,
            (
                "process_start_time",
                "When the process started, in seconds since 1970.",
                Some(Unit::Seconds),
            ),
            self.start_s,
        )
    }
}

/// Encodes a gauge with this name, help text and unit, if it has a value.
fn gauge<T: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): (&str, &str, Option<Unit>),
    value: Option<T>,
) -> fmt::Result {
    let Some(value) = value else {
        return Ok(());
    };
    encoder
        .encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?
        .encode_gauge(&value)
}

/// Returns a field of `/proc/self/stat` by its number in proc_pid_stat(5).
fn stat(number: usize) -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name that may hold anything.
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name
        .split_ascii_whitespace()
        .nth(number.checked_sub(3)?)?
        .parse()
        .ok()
}

fn cpu_s() -> Option<f64> {
    let (user, system) = (stat(14)?, stat(15)?);
    Some((user + system) / TICKS_PER_S)
}

fn start_s() -> Option<f64> {
    let since_boot = stat(22)?;
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot_s: f64 = stat
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    Some(boot_s + since_boot / TICKS_PER_S)
}

fn open_fds() -> Option<u64> {
    // One is that of the folder itself.
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(count.saturating_sub(1)).ok()
}

fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let soft = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?
        .split_ascii_whitespace()
        .next()?;
    match soft {
        "unlimited" => Some(f64::INFINITY),
        soft => soft.parse().ok(),
    }
}

fn memory_bytes(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix(name))?
        .split_ascii_whitespace()
        .next()?
        .parse()
        .ok()?;
    kib.checked_mul(1024)
}
