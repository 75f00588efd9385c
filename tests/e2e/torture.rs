//! Tests that the program, killed by SIGKILL at every write boundary and at random moments, leaves the old dataset, the
//! new one, or an unfinished one that is completed to the same bytes.
//!
//! `L48_TORTURE=N` adds N kills at random moments (`make torture`); without it there are a few.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::file_tree::{Tree, assert_same, copy, dataset_tree, names, tree};
use crate::program::{fail_point_command, l48, run};
use crate::recordings::Workplace;

/// Small images, so that a run takes milliseconds and the writes between are what is tested.
pub(crate) const SMALL: &str = "[shards]\nclips = 3\n[spectrogram]\nn_fft = 512\nwin_length = 512\nhop_length = 2205\nn_mels = 8\nframes = 16\nfmax_hz = 8000.0\n";
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

/// Kills a command at random moments of its run until `kills` have hit, each time from what `prepare` makes; `check`
/// looks at what is left.
#[allow(clippy::print_stdout, reason = "what was done is printed")]
fn kill_at_random(kills: u64, command: impl Fn() -> Command, prepare: impl Fn(), check: impl Fn(&str)) {
    prepare();
    let started = Instant::now();
    run(&mut command());
    let limit = started.elapsed() + Duration::from_millis(2);
    let (mut delays, mut killed) = (Delays::new(), 0);
    for rounds in 1.. {
        assert!(
            rounds < 50 * kills + 50,
            "only {killed} of {rounds} runs could be killed before they ended"
        );
        prepare();
        let delay = delays.below(limit);
        if killed_after(command(), delay) {
            killed += 1;
            check(&format!("killed after {delay:?}"));
        }
        if killed >= kills {
            println!("{:?}: {killed} kills hit, of {rounds}", command().get_args());
            return;
        }
    }
}

#[test]
fn a_build_killed_at_any_boundary_is_resumed_to_the_same_bytes() {
    let place = place();
    let all = points(&place, build(&place, "manifest.toml", "whole", None), 1);
    assert!(all.iter().any(|name| name == "shard cut back"), "{all:?}");
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
    // The first kill leaves half of the work; then every boundary of the rest.
    kill_at(build(&place, "manifest.toml", "half", None), all.len() / 2);
    let resume = || build(&place, "manifest.toml", "out", Some("--resume"));
    copy(&place.path("half"), &place.path("out"));
    let rest = points(&place, resume(), 1);
    assert_eq!(rest.last().unwrap(), "folder removed", "{rest:?}");
    for (number, name) in (1..).zip(&rest) {
        reset(&place.path("out"));
        copy(&place.path("half"), &place.path("out"));
        kill_at(resume(), number);
        let code = run(&mut resume()).code;
        let when = format!("resume killed at {name:?} (point {number})");
        assert!(matches!(code, Some(0 | 1)), "{when}, second resume: {code:?}");
        assert_same(&whole, &tree(&place.path("out")), &when);
    }
}

#[test]
fn a_resume_after_a_change_of_a_source_is_killed_while_it_forgets_the_shard() {
    let place = place();
    l48!["plan", place.manifest(), "--out", place.path("half")].expect(0);
    let half = place.path("half");
    l48!["build", place.manifest(), "--out", &half, "--shards", "0..1"].expect(0);
    let other = std::fs::read(place.path("audio/1.wav")).unwrap();
    place.write_bytes("audio/1.wav", &[&other[..44], &other[46..], &other[44..46]].concat());
    run(&mut build(&place, "manifest.toml", "whole", None)).expect(1);
    let resume = || build(&place, "manifest.toml", "out", Some("--resume"));
    copy(&half, &place.path("out"));
    let all = points(&place, resume(), 1);
    let number = 1 + all.iter().position(|name| name == "record removed").unwrap();
    for number in [number, number + 1] {
        reset(&place.path("out"));
        copy(&half, &place.path("out"));
        kill_at(resume(), number);
        run(&mut resume()).expect(1);
        let when = format!("killed at point {number} of {all:?}");
        assert_same(&tree(&place.path("whole")), &tree(&place.path("out")), &when);
    }
}

#[test]
fn each_folder_created_is_made_durable_in_the_one_above() {
    let place = place();
    let all = points(&place, build(&place, "manifest.toml", "deep/er/out", None), 1);
    let created: Vec<usize> = (0..all.len()).filter(|&at| all[at] == "folder created").collect();
    // deep, er, out, .build and the four folders of a dataset.
    assert_eq!(created.len(), 8, "{all:?}");
    assert!(created.iter().all(|at| all[at + 1] == "folder synced"), "{all:?}");
}

/// A dataset that is overwritten by another.
struct Overwriting {
    place: Workplace,
    old: Tree,
    new: Tree,
    /// Whether folders are exchanged by several renames.
    without_exchange: bool,
}

impl Overwriting {
    fn new(without_exchange: bool) -> Self {
        let place = place();
        place.write("other.toml", &(place.read("manifest.toml") + "[clips]\nhop_s = 1.5\n"));
        run(&mut build(&place, "manifest.toml", "old", None)).expect(1);
        run(&mut build(&place, "other.toml", "new", None)).expect(1);
        let (old, new) = (tree(&place.path("old")), tree(&place.path("new")));
        Overwriting {
            place,
            old,
            new,
            without_exchange,
        }
    }

    fn command(&self) -> Command {
        let mut command = build(&self.place, "other.toml", "out", Some("--overwrite"));
        command.envs(self.without_exchange.then_some(("L48_NO_EXCHANGE", "1")));
        command
    }

    /// Puts things as they were before the command.
    fn prepare(&self) {
        for name in ["out", ".out.overwrite", ".out.aside"] {
            reset(&self.place.path(name));
        }
        copy(&self.place.path("old"), &self.place.path("out"));
    }

    /// Asserts that the old or the new dataset is there, and that another run gives the new one and leaves nothing
    /// beside.
    fn check(&self, when: &str) {
        let (out, aside) = (self.place.path("out"), self.place.path(".out.aside"));
        // Where one step is several, the old dataset is under another name for a moment.
        let is_aside = self.without_exchange && !out.exists();
        let left = dataset_tree(if is_aside { &aside } else { &out });
        assert!(
            left == self.old || left == self.new && !is_aside,
            "{when}: neither the old nor the new dataset"
        );
        run(&mut self.command()).expect(1);
        assert_same(&self.new, &tree(&out), &format!("overwritten again, {when}"));
        let hidden = |name: &String| name.starts_with('.');
        let beside: Vec<String> = names(self.place.folder()).into_iter().filter(hidden).collect();
        assert!(beside.is_empty(), "{when}: {beside:?} left beside");
    }

    /// The points of the command, of which one is called `reached`.
    fn points(&self, reached: &str) -> Vec<String> {
        self.prepare();
        let all = points(&self.place, self.command(), 1);
        assert!(all.iter().any(|name| name == reached), "{all:?}");
        all
    }
}

#[test]
fn an_overwrite_killed_at_any_boundary_leaves_the_old_or_the_new_dataset() {
    let case = Overwriting::new(false);
    for (number, name) in (1..).zip(&case.points("folders exchanged")) {
        case.prepare();
        kill_at(case.command(), number);
        case.check(&format!("killed at {name:?} (point {number})"));
    }
}

#[test]
fn an_overwrite_that_exchanges_folders_by_renames_is_brought_to_its_end() {
    let case = Overwriting::new(true);
    let all = case.points("new folder moved into place");
    let first = all.iter().position(|name| name == "old folder moved aside").unwrap();
    for (number, name) in (1..).zip(&all).skip(first) {
        case.prepare();
        kill_at(case.command(), number);
        case.check(&format!("killed at {name:?} (point {number})"));
    }
}

#[test]
fn overwrites_killed_at_random_moments_leave_the_old_or_the_new_dataset() {
    let case = Overwriting::new(false);
    kill_at_random(
        random_kills() / 4,
        || case.command(),
        || case.prepare(),
        |when| case.check(when),
    );
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
        "0..3"
    ]
    .expect(1);
    let commit = |out: &str| {
        let mut command = fail_point_command();
        command.arg("commit").arg(place.path(out));
        command
    };
    // What writers that were killed have left.
    place.write("built/.taxa.parquet.tmp", "a part");
    place.write("built/shards/.00000.safetensors.tmp", "a part");
    copy(&place.path("built"), &place.path("out"));
    let all = points(&place, commit("out"), 1);
    assert_eq!(all.iter().filter(|name| *name == "stray removed").count(), 2, "{all:?}");
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
    kill_at_random(
        random_kills() / 4,
        || commit("out"),
        || {
            reset(&place.path("out"));
            copy(&place.path("built"), &place.path("out"));
        },
        |when| {
            let code = run(&mut build(&place, "manifest.toml", "out", Some("--resume"))).code;
            assert!(matches!(code, Some(0 | 1)), "commit {when}: {code:?}");
            assert_same(&whole, &tree(&place.path("out")), &format!("commit {when}"));
        },
    );
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
