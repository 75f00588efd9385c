//! Tests of a full disk, read-only and forbidden folders, and files that vanish: an error that names the path, nothing
//! harmed.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::file_tree::{assert_same, names, tree};
use crate::outside::skip;
use crate::program::{Ended, command, l48, run};
use crate::recordings::Workplace;

/// Bytes by which a file grows on the small file system.
const PAGE_BYTES: u64 = 4096;
/// Small images: a shard takes two pages, like the tables beside it, so that each kind of file can be the one that is
/// too much.
const SMALL: &str = "[shards]\nclips = 3\n[spectrogram]\nn_fft = 512\nwin_length = 512\nhop_length = 2205\nn_mels = 8\nframes = 16\nfmax_hz = 8000.0\n";

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

    /// Leaves this many pages free.
    fn leave(&self, pages: u64) {
        let mut ballast = File::create(self.0.join("ballast")).unwrap();
        let page = [0; PAGE_BYTES as usize];
        let mut written = 0;
        while ballast.write_all(&page).is_ok() {
            written += 1;
        }
        assert!(written >= pages, "{written} pages are free at most");
        ballast.set_len((written - pages) * PAGE_BYTES).unwrap();
    }

    /// Runs a command with ever more free space until it succeeds. Each time before, it has to name a file on this disk
    /// and what is needed, and leave `kept` as it is. Of each part of `files`, one has to be the file that was too
    /// much.
    fn sweep(&self, kept: &Path, files: &[&str], mut run: impl FnMut() -> Ended) {
        let before = tree(kept);
        let mut complaints = String::new();
        for pages in 0..200 {
            self.leave(pages);
            let ended = run();
            if ended.code != Some(2) {
                assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
                for file in files {
                    assert!(complaints.contains(file), "{file} always had its space: {complaints}");
                }
                return;
            }
            let ended = ended
                .complains("No space left on device")
                .complains(" bytes are free there");
            let named = self.0.display().to_string();
            assert!(ended.stderr.contains(&named), "the path is named: {}", ended.stderr);
            assert_same(
                &before,
                &tree(kept),
                &format!("{pages} pages were free: {}", ended.stderr),
            );
            complaints += &ended.stderr;
        }
        panic!("200 pages are not enough: {complaints}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn build(place: &Workplace, out: &Path) -> Ended {
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
    let clips_bytes = 40 * 448 * 448;
    let ended = ended.complains(" bytes are free there: free more, or choose a folder on another disk");
    ended.complains(&format!("the clips of this dataset take {clips_bytes} bytes"));
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
        .complains("Read-only file system")
        .complains("/disk is mounted read-only");
    assert!(ended.stderr.contains("disk/out"), "the path is named: {}", ended.stderr);
}

#[test]
fn a_dataset_that_cannot_be_replaced_stays() {
    let place = Workplace::with_recordings("", &[(1, 4.0)]);
    let Some(disk) = SmallDisk::mount(place.path("disk"), 4) else {
        return;
    };
    let out = disk.0.join("out");
    build(&place, &out).expect(0);
    let before = tree(&out);
    disk.remount("ro");
    for ended in [
        l48!["build", place.manifest(), "--out", &out, "--overwrite"],
        l48!["relabel", &out, place.manifest()],
    ] {
        let ended = ended.expect(2).complains("Read-only file system");
        ended.complains("is mounted read-only").complains("disk/");
    }
    assert_same(&before, &tree(&out), "the dataset that was there");
}

#[test]
fn an_overwrite_without_space_for_any_file_leaves_the_old_dataset() {
    let place = Workplace::with_recordings(SMALL, &[(1, 8.0), (2, 8.0)]);
    let Some(disk) = SmallDisk::mount(place.path("disk"), 2) else {
        return;
    };
    let (out, beside) = (disk.0.join("out"), disk.0.join(".out.overwrite"));
    build(&place, &out).expect(0);
    place.write(
        "manifest.toml",
        &(place.read("manifest.toml") + "[clips]\nhop_s = 1.5\n"),
    );
    let files = ["/shards/", "/labels/", "/.build/00000.json", "/dataset.json"];
    disk.sweep(&out, &files, || {
        let mut overwrite = command();
        overwrite.arg("build").arg(place.manifest()).arg("--out").arg(&out);
        let ended = run(overwrite.args(["--overwrite", "--threads", "1"]));
        // Going on where it stopped, the next run would need less.
        let _ = std::fs::remove_dir_all(&beside);
        ended
    });
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    l48!["verify", &out].expect(0);
    assert_eq!(names(&disk.0), ["out"]);
}

#[test]
fn a_relabelling_without_space_for_any_file_leaves_the_old_dataset() {
    let place = Workplace::with_recordings(SMALL, &[(1, 8.0), (2, 8.0)]);
    let Some(disk) = SmallDisk::mount(place.path("disk"), 2) else {
        return;
    };
    let out = disk.0.join("out");
    build(&place, &out).expect(0);
    place.edit(
        "recordings.csv",
        "2,audio/2.wav,woothr,train",
        "2,audio/2.wav,norcar,val",
    );
    disk.sweep(&out, &["/labels/", "/assets/", "/dataset.json"], || {
        l48!["relabel", &out, place.manifest()]
    });
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    l48!["verify", &out].expect(0);
    assert_eq!(names(&disk.0), ["out"]);
}

#[test]
fn a_merge_without_space_names_its_own_files_and_leaves_nothing() {
    let place = Workplace::with_recordings(SMALL, &[(1, 8.0), (2, 8.0)]);
    let Some(disk) = SmallDisk::mount(place.path("disk"), 2) else {
        return;
    };
    let table = place.read("recordings.csv");
    let lines: Vec<&str> = table.lines().collect();
    for (name, row) in [("a", lines[1]), ("b", lines[2])] {
        place.write("recordings.csv", &format!("{}\n{row}\n", lines[0]));
        build(&place, &place.path(name)).expect(0);
    }
    // On another disk shards cannot be linked: they are copied.
    let out = disk.0.join("out");
    disk.sweep(&place.path("a"), &["/shards/", "/labels/", "/dataset.json"], || {
        assert!(!out.exists());
        l48!["merge", place.path("a"), place.path("b"), "--out", &out]
    });
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    l48!["verify", &out].expect(0);
    assert_eq!(names(&disk.0), ["out"]);
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
    let need = format!(
        "needs write permission on the folder {}",
        place.path("locked").display()
    );
    let ended = ended.complains(&need);
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
            ended.complains("audio/30.wav").prints("1 recording was rejected");
            return;
        }
    }
    panic!("the recording never vanished before it was read");
}
