//! Tests that the program, killed by SIGKILL at every write boundary and at random moments, leaves the old dataset, the new
//! one, or an unfinished one that is completed to the same bytes.
//!
//! `L48_TORTURE=N` adds N kills at random moments (`make torture`); without it there are a few.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::file_tree::{assert_same, copy, dataset_tree, names, tree};
use crate::program::{fail_point_command, l48, run};
use crate::recordings::Workplace;

/// Small images, so that a run takes milliseconds and the writes between are what is tested.
const SMALL: &str = "[shards]\nclips = 3\n[spectrogram]\nn_fft = 512\nwin_length = 512\nhop_length = 2205\nn_mels = 8\nframes = 16\nfmax_hz = 8000.0\n";
/// Random kills of an ordinary test run.
const FEW: u64 = 20;

/// Five recordings, one of them refused late, in three shards.
fn place() -> Workplace {
    let place = Workplace::with_recordings(SMALL, &[(1, 7.0), (2, 2.0), (3, 8.0), (4, 5.0), (5, 3.5)]);
    let whole = std::fs::read(place.path("audio/3.wav")).unwrap();
    place.write_bytes("audio/3.wav", &whole[..whole.len() - 9001]);
    place
}

/// A command of the program that can be killed, on one thread so that its points come in one order.
fn build(place: &Workplace, manifest: &str, out: &str, flag: Option<&str>) -> Command {
    let mut command = fail_point_command();
    command
        .arg("build")
        .arg(place.path(manifest))
        .arg("--out")
        .arg(place.path(out))
        .args(["--threads", "1"])
        .args(flag);
    command
}

/// The names of the points that a command reaches until it ends with `code`.
pub(crate) fn points(place: &Workplace, mut command: Command, code: i32) -> Vec<String> {
    let log = place.path("points.log");
    let _ = std::fs::remove_file(&log);
    run(command.env("L48_FAIL_LOG", &log)).expect(code);
    let names: Vec<String> = std::fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(str::to_string)
        .collect();
    for name in [
        "file created",
        "file synced",
        "file renamed",
        "folder synced",
        "lock taken",
    ] {
        assert!(
            names.iter().any(|n| n == name),
            "no point called {name:?} among {names:?}"
        );
    }
    names
}

/// Runs a command that has to die at its N-th point.
pub(crate) fn kill_at(mut command: Command, point: usize) {
    let status = command
        .env("L48_FAIL_AT", point.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(9), "point {point} of {command:?}: {status}");
}

pub(crate) fn reset(folder: &Path) {
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// How many kills at random moments are asked for.
pub(crate) fn random_kills() -> u64 {
    let asked = std::env::var("L48_TORTURE").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(FEW)
}

/// Delays by xorshift from a fixed seed: those of a failure can be had again.
pub(crate) struct Delays(u64);

impl Delays {
    pub(crate) fn new() -> Self {
        Delays(0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(self.0 % (limit.as_micros() as u64).max(1))
    }
}

/// Runs a command and kills it after a delay; whether it was killed. One that ended before has to have succeeded.
pub(crate) fn killed_after(mut command: Command, delay: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(delay);
    let ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    let status = child.wait().unwrap();
    if ended || status.signal().is_none() {
        assert!(matches!(status.code(), Some(0 | 1)), "{command:?}: {status}");
        return false;
    }
    true
}

#[test]
fn a_build_killed_at_any_boundary_is_resumed_to_the_same_bytes() {
    let place = place();
    let all = points(&place, build(&place, "manifest.toml", "whole", None), 1);
    let whole = tree(&place.path("whole"));
    for (number, name) in (1..).zip(&all) {
        reset(&place.path("out"));
        kill_at(build(&place, "manifest.toml", "out", None), number);
        if place.path("out/dataset.json").exists() {
            l48!["verify", place.path("out")].expect(0);
        }
        let code = run(&mut build(&place, "manifest.toml", "out", Some("--resume"))).code;
        assert!(
            matches!(code, Some(0 | 1)),
            "resume after {name:?} (point {number}) ended with {code:?}"
        );
        assert_same(
            &whole,
            &tree(&place.path("out")),
            &format!("killed at {name:?} (point {number}), then resumed"),
        );
    }
}

#[test]
fn a_resume_killed_at_any_boundary_is_resumed_again() {
    let place = place();
    let all = points(&place, build(&place, "manifest.toml", "whole", None), 1);
    let whole = tree(&place.path("whole"));
    let half = all.len() / 2;
    // The first kill leaves half of the work; then every boundary of the rest.
    for number in 1..=all.len() - half {
        reset(&place.path("out"));
        kill_at(build(&place, "manifest.toml", "out", None), half);
        let mut resume = build(&place, "manifest.toml", "out", Some("--resume"));
        resume
            .env("L48_FAIL_AT", number.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        let code = run(&mut build(&place, "manifest.toml", "out", Some("--resume"))).code;
        assert!(matches!(code, Some(0 | 1)), "second resume, point {number}: {code:?}");
        assert_same(
            &whole,
            &tree(&place.path("out")),
            &format!("killed at {half}, then at {number}"),
        );
    }
}

#[test]
fn an_overwrite_killed_at_any_boundary_leaves_the_old_or_the_new_dataset() {
    let place = place();
    place.write("other.toml", &(place.read("manifest.toml") + "[clips]\nhop_s = 1.5\n"));
    run(&mut build(&place, "manifest.toml", "old", None)).expect(1);
    run(&mut build(&place, "other.toml", "new", None)).expect(1);
    let (old, new) = (tree(&place.path("old")), tree(&place.path("new")));
    copy(&place.path("old"), &place.path("out"));
    let all = points(&place, build(&place, "other.toml", "out", Some("--overwrite")), 1);
    assert!(all.iter().any(|name| name == "folders exchanged"), "{all:?}");
    for (number, name) in (1..).zip(&all) {
        reset(&place.path("out"));
        reset(&place.path(".out.overwrite"));
        copy(&place.path("old"), &place.path("out"));
        kill_at(build(&place, "other.toml", "out", Some("--overwrite")), number);
        let left = dataset_tree(&place.path("out"));
        assert!(
            left == old || left == new,
            "killed at {name:?} (point {number}): neither the old nor the new dataset"
        );
        run(&mut build(&place, "other.toml", "out", Some("--overwrite"))).expect(1);
        assert_same(
            &new,
            &tree(&place.path("out")),
            &format!("overwritten again after {name:?} (point {number})"),
        );
        let beside: Vec<String> = names(place.folder())
            .into_iter()
            .filter(|name| name.starts_with('.'))
            .collect();
        assert!(
            beside.is_empty(),
            "killed at {name:?} (point {number}): {beside:?} left beside"
        );
    }
}

#[test]
fn a_commit_killed_at_any_boundary_is_committed_again() {
    let place = place();
    run(&mut build(&place, "manifest.toml", "whole", None)).expect(1);
    let whole = tree(&place.path("whole"));
    l48!["plan", place.manifest(), "--out", place.path("built")].expect(0);
    l48![
        "build",
        place.manifest(),
        "--out",
        place.path("built"),
        "--shards",
        "0..5"
    ]
    .expect(1);
    let commit = |out: &str| {
        let mut command = fail_point_command();
        command.arg("commit").arg(place.path(out));
        command
    };
    copy(&place.path("built"), &place.path("out"));
    let all = points(&place, commit("out"), 1);
    for (number, name) in (1..).zip(&all) {
        reset(&place.path("out"));
        copy(&place.path("built"), &place.path("out"));
        kill_at(commit("out"), number);
        // Killed after its commit point there is nothing left to commit, and `--resume` says so.
        let code = run(&mut build(&place, "manifest.toml", "out", Some("--resume"))).code;
        assert!(matches!(code, Some(0 | 1)), "after {name:?} (point {number}): {code:?}");
        assert_same(
            &whole,
            &tree(&place.path("out")),
            &format!("commit killed at {name:?} (point {number})"),
        );
    }
}

#[test]
fn builds_killed_at_random_moments_are_resumed_to_the_same_bytes() {
    let kills = random_kills();
    let place = place();
    run(&mut build(&place, "manifest.toml", "whole", None)).expect(1);
    let whole = tree(&place.path("whole"));
    let mut delays = Delays::new();
    let mut killed = 0;
    let mut rounds = 0;
    while killed < kills {
        rounds += 1;
        assert!(
            rounds < 50 * kills + 50,
            "only {killed} of {rounds} runs could be killed before they ended"
        );
        reset(&place.path("out"));
        loop {
            let command = build(&place, "manifest.toml", "out", Some("--resume"));
            if !killed_after(command, delays.below(Duration::from_millis(60))) {
                break;
            }
            killed += 1;
        }
        assert_same(&whole, &tree(&place.path("out")), &format!("round {rounds}"));
    }
}
