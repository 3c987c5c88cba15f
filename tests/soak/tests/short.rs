//! The soak, for as long as a test may take.

use std::path::Path;
use std::process::Command;

/// Every disturbance happens at least once.
#[test]
#[ignore = "needs redis-server and curl"]
fn short_soak_finds_nothing_wrong() {
    let soak = Path::new(env!("CARGO_BIN_EXE_dcv-resolver-soak"));
    let resolver = soak.with_file_name("dcv-resolver");
    assert!(
        resolver.exists(),
        "run `cargo build -p dcv-resolver` before this test"
    );
    let output = Command::new(soak)
        .current_dir(resolver.parent().unwrap())
        .args(["--resolver", "./dcv-resolver"])
        .args(["--seconds", "30", "--warm-up-seconds", "20"])
        .args(["--sessions", "200", "--renew-seconds", "10"])
        .args(["--requests-per-s", "300", "--reload-seconds", "5"])
        .args(["--redis-kill-seconds", "8", "--redis-down-seconds", "2"])
        .args(["--log-stall-seconds", "8", "--log-stalled-seconds", "5"])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
}
