//! Tests of a full disk, read-only and forbidden folders, and files that vanish: an error that names the path, nothing harmed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::file_tree::{assert_same, tree};
use crate::outside::skip;
use crate::program::{command, l48};
use crate::recordings::Workplace;

/// A small file system in memory; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one; `None`, said visibly, where that is not allowed.
    fn mount(at: PathBuf, mebibytes: u32) -> Option<SmallDisk> {
        std::fs::create_dir_all(&at).unwrap();
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&at)
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            skip("needs the right to mount a tmpfs (run as root)");
            return None;
        }
        Some(SmallDisk(at))
    }

    fn remount(&self, option: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{option}")])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn build(place: &Workplace, out: &Path) -> crate::program::Ended {
    l48!["build", place.manifest(), "--out", out, "--resume"]
}

#[test]
fn a_full_disk_is_named_and_harms_nothing_committed() {
    // A clip is 196 KiB: 3 fit into the small disk, 40 do not.
    let small = Workplace::with_recordings("", &[(1, 8.0)]);
    let large = Workplace::with_recordings("", &[(1, 60.0), (2, 60.0)]);
    let Some(disk) = SmallDisk::mount(small.path("disk"), 4) else {
        return;
    };
    build(&small, &disk.0.join("old")).expect(0);
    let before = tree(&disk.0.join("old"));
    let ended = build(&large, &disk.0.join("new"))
        .expect(2)
        .complains("No space left on device");
    assert!(ended.stderr.contains("new/"), "the path is named: {}", ended.stderr);
    assert!(!disk.0.join("new/dataset.json").exists());
    assert_same(&before, &tree(&disk.0.join("old")), "the dataset that was there");
    // With more space the same build is completed.
    disk.remount("size=64m");
    build(&large, &disk.0.join("new")).expect(0);
    l48!["verify", disk.0.join("new")].expect(0);
}

#[test]
fn a_read_only_folder_is_named() {
    let place = Workplace::with_recordings("", &[(1, 4.0)]);
    let Some(disk) = SmallDisk::mount(place.path("disk"), 4) else {
        return;
    };
    disk.remount("ro");
    let ended = build(&place, &disk.0.join("out"))
        .expect(2)
        .complains("Read-only file system");
    assert!(ended.stderr.contains("disk/out"), "the path is named: {}", ended.stderr);
}

#[test]
fn a_forbidden_folder_is_named() {
    let place = Workplace::with_recordings("", &[(1, 4.0)]);
    let out = place.path("locked/out");
    std::fs::create_dir_all(place.path("locked")).unwrap();
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    mode(&place.path("locked"), 0o555);
    mode(place.folder(), 0o755);
    // Root may do anything, so the program runs as nobody; everyone else is forbidden anyway.
    let program = command();
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|facts| std::os::unix::fs::MetadataExt::uid(&facts) == 0);
    let mut run = if is_root {
        // Nobody may not look into the folders above a checkout of root's, so the program is copied.
        let copied = place.path("l48");
        std::fs::copy(program.get_program(), &copied).unwrap();
        let mut run = Command::new("setpriv");
        run.args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(copied);
        run
    } else {
        program
    };
    run.arg("build").arg(place.manifest()).arg("--out").arg(&out);
    let ended = crate::program::run(&mut run).expect(2).complains("Permission denied");
    assert!(
        ended.stderr.contains("locked/out"),
        "the path is named: {}",
        ended.stderr
    );
}

#[test]
fn a_recording_that_vanishes_mid_run_is_rejected_by_name() {
    // One clip a shard and one thread: the last recording is opened long after the first shard is finished.
    let recordings: Vec<(i64, f64)> = (1..=30).map(|id| (id, 3.0)).collect();
    for _ in 0..5 {
        let place = Workplace::with_recordings("[shards]\nclips = 1\n", &recordings);
        let mut run = command();
        run.arg("build")
            .arg(place.manifest())
            .arg("--out")
            .arg(place.path("out"))
            .args(["--threads", "1"]);
        let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let started = Instant::now();
        while !place.path("out/.build/00000.json").exists() && started.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::fs::remove_file(place.path("audio/30.wav")).unwrap();
        let output = child.wait_with_output().unwrap();
        let ended = crate::program::ended(&run, output);
        // Where the run was faster than this test it is tried again.
        if ended.code == Some(1) {
            ended.complains("audio/30.wav").prints("1 recordings were rejected");
            return;
        }
    }
    panic!("the recording never vanished before it was read");
}
