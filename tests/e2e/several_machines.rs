//! Tests of what schedulers need: parts of a plan in many processes, exit codes, waiting, status, and the death of a
//! parent.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shardfmt::persist::{Lock, is_temporary};

use crate::file_tree::{assert_same, names, tree};
use crate::program::{command, ended, fail_point_command, l48, run};
use crate::recordings::Workplace;
use crate::torture::{SMALL, kill_at, points, reset};

/// Long enough for a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// Five shards, one of them with a long recording and as long as the others together.
fn five_shards() -> Workplace {
    Workplace::with_recordings(
        "[shards]\nclips = 3\n",
        &[(1, 9.0), (2, 9.0), (3, 39.0), (4, 9.0), (5, 9.0)],
    )
}

/// `l48 build` of a plan in `out`, to be given flags.
fn build(place: &Workplace) -> Command {
    let mut build = command();
    build
        .arg("build")
        .arg(place.manifest())
        .arg("--out")
        .arg(place.path("out"));
    build
}

fn start(build: &mut Command) -> Child {
    build.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Ends a process whatever the test does.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something holds.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LONG, "{what}: not in {LONG:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn status(out: &Path) -> Value {
    l48!["status", out, "--json"].expect(0).json()
}

#[test]
fn parts_in_any_number_of_processes_make_the_same_dataset() {
    let place = five_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["build", &manifest, "--out", place.path("whole")].expect(0);
    let whole = tree(&place.path("whole"));
    for parts in [1, 2, 7] {
        reset(&out);
        l48!["plan", &manifest, "--out", &out].expect(0);
        let started: Vec<_> = (0..parts)
            .map(|part| {
                let mut build = build(&place);
                build.args(["--part", &format!("{part}/{parts}")]);
                let child = start(&mut build);
                (build, child)
            })
            .collect();
        let ended: Vec<_> = started
            .into_iter()
            .map(|(build, child)| ended(&build, child.wait_with_output().unwrap()).expect(0))
            .collect();
        // Two parts: the long shard, and the others.
        if parts == 2 {
            assert!(
                ended[0].stdout.contains("Built shards 2..3 of 5"),
                "{}",
                ended[0].stdout
            );
            assert!(
                ended[1].stdout.contains("Built shards 0..2, 3..5 of 5"),
                "{}",
                ended[1].stdout
            );
        }
        let without = ended
            .iter()
            .filter(|part| part.stdout.contains("This part has no shards"));
        assert_eq!(without.count(), usize::try_from(parts).unwrap().saturating_sub(5));
        l48!["commit", &out].expect(0);
        assert_same(&whole, &tree(&out), &format!("at once and in {parts} parts"));
    }
}

#[test]
fn parts_are_counted_from_0_and_a_commit_names_all_that_is_missing() {
    let place = five_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["plan", &manifest, "--out", &out].expect(0);
    l48!["build", &manifest, "--out", &out, "--part", "2/2"]
        .expect(2)
        .complains("counted from 0: the 2 parts are 0/2 to 1/2");
    l48!["build", &manifest, "--out", &out, "--shards", "2..3"].expect(0);
    l48!["commit", &out]
        .expect(2)
        .complains("4 of 5 shards are not built yet: 0..2, 3..5; build them with --shards or --part");
    l48!["build", &manifest, "--out", &out, "--part", "0/1"].expect(0);
    l48!["commit", &out].expect(0);
    // What a scheduler runs again is done already; without the flag that is a mistake.
    l48!["commit", &out].expect(2).complains("is already committed");
    let again = l48!["commit", &out, "--resume"].expect(0);
    again.prints("is already committed");
    l48!["build", &manifest, "--out", &out, "--part", "0/2", "--resume"]
        .expect(0)
        .prints("is already committed");
    l48!["build", &manifest, "--out", &out, "--part", "0/2"].expect(2);
    l48!["plan", &manifest, "--out", &out, "--resume"]
        .expect(0)
        .prints("is already committed");
}

#[test]
fn the_same_plan_is_success_and_another_is_told_apart() {
    let place = five_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["plan", &manifest, "--out", &out, "--resume"]
        .expect(0)
        .prints("Planned");
    let before = tree(&out);
    l48!["plan", &manifest, "--out", &out, "--resume"]
        .expect(0)
        .prints("Already planned");
    l48![
        "plan",
        &manifest,
        "--out",
        &out,
        "--resume",
        "--instruction-set",
        "x86_64-sse2/scalar"
    ]
    .expect(2)
    .complains("instruction_set was")
    .complains("and is x86_64-sse2/scalar");
    place.edit("manifest.toml", "clips = 3", "clips = 4");
    l48!["plan", &manifest, "--out", &out, "--resume"]
        .expect(2)
        .complains("shards.clips was 3 and is 4");
    place.edit("manifest.toml", "clips = 4", "clips = 3");
    place.edit("recordings.csv", "5,audio/5.wav,woothr", "5,audio/5.wav,norcar");
    l48!["plan", &manifest, "--out", &out, "--resume"]
        .expect(2)
        .complains("was planned differently: tables");
    assert_same(&before, &tree(&out), "before and after plans that were refused");
}

#[test]
fn a_plan_that_was_cut_off_goes_on_where_it_was() {
    let place = Workplace::with_recordings(SMALL, &[(0, 0.1)]);
    let mut table = String::from("asset_id,path,split\n");
    // More than the 8,192 that are kept at a time.
    let recording = std::fs::read(place.path("audio/0.wav")).unwrap();
    for id in 0..8_300 {
        place.write_bytes(&format!("audio/{id}.wav"), &recording);
        table += &format!("{id},audio/{id}.wav,train\n");
    }
    place.write("recordings.csv", &table);
    let (manifest, out) = (place.manifest(), place.path("out"));
    let plan = || {
        let mut plan = fail_point_command();
        plan.arg("plan").arg(&manifest).arg("--out").arg(&out).arg("--resume");
        plan
    };
    let all = points(&place, plan(), 0);
    let whole = std::fs::read(out.join(".build/plan.json")).unwrap();
    assert_eq!(names(&out.join(".build")), ["lock", "plan.json"], "parts are gone");
    reset(&out);
    // The second part is being written.
    let created: Vec<usize> = (0..all.len()).filter(|&at| all[at] == "file created").collect();
    kill_at(plan(), 1 + created[1]);
    assert!(names(&out.join(".build")).contains(&"plan-00000.json".to_owned()));
    assert_eq!(status(&out)["stage"], "planning");
    // What was looked at is not looked at again unless its time or size changed: this header promises nothing now.
    let first = place.path("audio/7.wav");
    let modified = std::fs::metadata(&first).unwrap().modified().unwrap();
    std::fs::write(&first, vec![0; recording.len()]).unwrap();
    std::fs::File::options()
        .write(true)
        .open(&first)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    run(&mut plan()).expect(0).prints("Planned");
    assert!(
        std::fs::read(out.join(".build/plan.json")).unwrap() == whole,
        "the plan is the same"
    );
    let mut left = names(&out.join(".build"));
    // The file that the killed one was writing goes before the first shard is built.
    left.retain(|name| !is_temporary(name));
    assert_eq!(left, ["lock", "plan.json"]);
}

#[test]
fn locks_are_waited_for_as_long_as_asked() {
    let place = five_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["plan", &manifest, "--out", &out].expect(0);
    let shard = Lock::acquire(&out.join(".build/00001.lock")).unwrap();
    l48!["build", &manifest, "--out", &out, "--part", "0/1"].expect(75);
    let done: Vec<u64> = serde_json::from_value(status(&out)["done"].clone()).unwrap();
    assert_eq!(done, [0, 2, 3, 4], "those that were free were built first");
    let begun = Instant::now();
    l48!["build", &manifest, "--out", &out, "--part", "0/1", "--wait", "0.7"].expect(75);
    l48!["commit", &out, "--wait", "0"].expect(2);
    assert!(begun.elapsed() >= Duration::from_millis(700));
    let mut patient = build(&place);
    let child = start(patient.args(["--part", "0/1", "--wait", "600"]));
    std::thread::sleep(Duration::from_millis(300));
    drop(shard);
    ended(&patient, child.wait_with_output().unwrap()).expect(0);

    let folder = Lock::acquire_shared(&out.join(".build/lock")).unwrap();
    let begun = Instant::now();
    l48!["commit", &out, "--wait", "0.7"].expect(75).complains("locked");
    assert!(begun.elapsed() >= Duration::from_millis(700));
    let mut commit = command();
    let child = start(commit.arg("commit").arg(&out).args(["--wait", "600"]));
    std::thread::sleep(Duration::from_millis(300));
    drop(folder);
    ended(&commit, child.wait_with_output().unwrap()).expect(0);
}

#[test]
fn whoever_waits_until_another_has_committed_finds_it_done() {
    let place = five_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["build", &manifest, "--out", place.path("whole")].expect(0);
    let whole = tree(&place.path("whole"));
    l48!["plan", &manifest, "--out", &out].expect(0);
    l48!["build", &manifest, "--out", &out, "--part", "0/1"].expect(0);
    // As if another process had committed while these wait.
    let lock = Lock::acquire(&out.join(".build/lock")).unwrap();
    let mut waiting = Vec::new();
    for arguments in [&["--part", "0/2"][..], &[]] {
        let mut build = build(&place);
        build.args(arguments).args(["--resume", "--wait", "600"]);
        waiting.push((start(&mut build), build));
    }
    let mut commit = command();
    commit.arg("commit").arg(&out).args(["--resume", "--wait", "600"]);
    waiting.push((start(&mut commit), commit));
    std::thread::sleep(Duration::from_millis(700));
    for name in ["taxa.parquet", "rejects.parquet", "dataset.json"] {
        std::fs::copy(place.path("whole").join(name), out.join(name)).unwrap();
    }
    // Those who wait may make the lock anew in between.
    while std::fs::remove_dir_all(out.join(".build")).is_err_and(|cause| cause.kind() != ErrorKind::NotFound) {}
    drop(lock);
    for (child, command) in waiting {
        ended(&command, child.wait_with_output().unwrap())
            .expect(0)
            .prints("is already committed");
    }
    assert_same(&whole, &tree(&out), "by another");
}

#[test]
fn of_two_workers_on_the_same_shards_the_later_takes_what_it_finds() {
    let place = five_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["build", &manifest, "--out", place.path("whole")].expect(0);
    let whole = tree(&place.path("whole"));
    let first = || {
        let mut first = fail_point_command();
        first.arg("build").arg(&manifest).arg("--out").arg(&out);
        first.args(["--part", "0/1", "--threads", "1"]);
        first
    };
    l48!["plan", &manifest, "--out", &out].expect(0);
    let all = points(&place, first(), 0);
    for share in [0.2, 0.5, 0.8] {
        // The first is killed somewhere on its way, while the other works on the same shards and waits for it.
        reset(&out);
        l48!["plan", &manifest, "--out", &out].expect(0);
        let mut second = build(&place);
        let child = start(second.args(["--part", "0/1", "--threads", "1", "--wait", "600"]));
        let point = 1 + (all.len() as f64 * share) as usize;
        let mut killed = first();
        let killed = killed.args(["--wait", "600"]).env("L48_FAIL_AT", point.to_string());
        let killed = start(killed).wait_with_output().unwrap();
        ended(&second, child.wait_with_output().unwrap()).expect(0);
        l48!["commit", &out].expect(0);
        assert_same(&whole, &tree(&out), &format!("{killed:?}"));
    }
    // Both live: each shard is built once.
    reset(&out);
    l48!["plan", &manifest, "--out", &out].expect(0);
    let log = |number: u32| place.path(&format!("{number}.log"));
    let both: Vec<_> = (0..2)
        .map(|number| start(first().args(["--wait", "600"]).env("L48_FAIL_LOG", log(number))))
        .collect();
    for child in both {
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    }
    let rows = |number| {
        let log = std::fs::read_to_string(log(number)).unwrap();
        log.lines().filter(|point| *point == "shard row written").count()
    };
    let alone = all.iter().filter(|point| *point == "shard row written").count();
    assert_eq!(rows(0) + rows(1), alone, "{} and {} of {alone} rows", rows(0), rows(1));
    l48!["commit", &out].expect(0);
    assert_same(&whole, &tree(&out), "by one, and by two at once");
}

#[test]
fn a_worker_that_was_killed_blocks_nobody() {
    let place = five_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["plan", &manifest, "--out", &out].expect(0);
    let mut worker = fail_point_command();
    worker
        .arg("build")
        .arg(&manifest)
        .arg("--out")
        .arg(&out)
        .args(["--shards", "0..1", "--threads", "1"]);
    kill_at(worker, 12);
    assert_eq!(status(&out)["running"], json!([]));
    l48!["build", &manifest, "--out", &out, "--part", "0/1"].expect(0);
    l48!["commit", &out].expect(0);
    l48!["verify", &out].expect(0);
}

#[test]
fn status_tells_what_is_done_running_and_missing() {
    let place = five_shards();
    place.write_bytes("audio/2.wav", b"RIFF, but no more than that");
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["status", &out].expect(2).complains("has no unfinished build");
    l48!["plan", &manifest, "--out", &out].expect(0);
    let planned = status(&out);
    let shards = planned["shards"].as_u64().unwrap();
    assert_eq!(
        (planned["stage"].as_str(), planned["clips"].as_u64()),
        (Some("building"), Some(0))
    );
    assert_eq!(planned["missing"].as_array().unwrap().len() as u64, shards);
    assert_eq!(planned["name"], "test");
    // All but the last, which is being built.
    l48![
        "build",
        &manifest,
        "--out",
        &out,
        "--shards",
        &format!("0..{}", shards - 1)
    ]
    .expect(1);
    let last = shards - 1;
    let lock = Lock::acquire(&out.join(format!(".build/{last:05}.lock"))).unwrap();
    let half = status(&out);
    assert_eq!((&half["running"], &half["missing"]), (&json!([last]), &json!([])));
    assert_eq!(
        (half["rejects"].as_u64(), half["stage"].as_str()),
        (Some(1), Some("building"))
    );
    l48!["status", &out]
        .expect(0)
        .prints(&format!("done      {last} of {shards} shards"))
        .prints(&format!("running   1: {last}..{shards}"))
        .prints("rejects   1");
    drop(lock);
    assert_eq!(status(&out)["missing"], json!([last]));
    l48!["build", &manifest, "--out", &out, "--part", "0/1"].expect(1);
    let built = status(&out);
    assert_eq!(
        (built["stage"].as_str(), &built["missing"]),
        (Some("built"), &json!([]))
    );
    l48!["commit", &out].expect(1);
    let committed = status(&out);
    assert_eq!(committed["stage"], "committed");
    assert_eq!(committed["clips"], built["clips"]);
    assert_eq!(committed["rejects"], 1);
    place.write("other/notes.txt", "no dataset");
    l48!["status", place.path("other")]
        .expect(2)
        .complains("is not a dataset");
}

/// The program's process, while there is one that is not dead and waiting to be collected.
#[cfg(target_os = "linux")]
fn is_running(pid: &str) -> bool {
    let facts = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    facts.is_ok_and(|facts| {
        facts
            .rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_build_dies_with_its_parent_if_told_to() {
    use std::io::{BufRead, BufReader};

    let place = five_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["plan", &manifest, "--out", &out].expect(0);
    // It would wait for this shard all through the test.
    let lock = Lock::acquire(&out.join(".build/00000.lock")).unwrap();
    for (flag, dies) in [("--die-with-parent", true), ("", false)] {
        let script =
            format!(r#""$0" build "$1" --out "$2" --shards 0..1 --wait 600 {flag} >/dev/null 2>&1 & echo $!; wait"#);
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(script)
            .arg(command().get_program())
            .arg(&manifest)
            .arg(&out);
        let mut shell = Killed(shell.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap());
        let mut pid = String::new();
        BufReader::new(shell.0.stdout.take().unwrap())
            .read_line(&mut pid)
            .unwrap();
        let pid = pid.trim();
        // Past the command line, it holds the folder together with others.
        let folder: PathBuf = out.join(".build/lock");
        until("the build has the folder", || Lock::acquire(&folder).is_err());
        shell.0.kill().unwrap();
        shell.0.wait().unwrap();
        if dies {
            until("the build is gone", || !is_running(pid));
        } else {
            std::thread::sleep(Duration::from_millis(500));
            assert!(is_running(pid), "nothing else ends it");
            assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
            until("the build is gone", || !is_running(pid));
        }
    }
    drop(lock);
    // A parent that was gone before the program could ask for the signal.
    l48![
        "build",
        &manifest,
        "--out",
        &out,
        "--part",
        "0/1",
        "--die-with-parent=1"
    ]
    .expect(2)
    .complains("the parent process 1 has ended");
    assert_eq!(status(&out)["done"], json!([]));
    let own = format!("--die-with-parent={}", std::process::id());
    l48!["build", &manifest, "--out", &out, "--part", "0/1", own].expect(0);
}
