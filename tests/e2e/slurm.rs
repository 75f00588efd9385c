//! Tests the recipe for SLURM on a real SLURM of two nodes, both this machine, where Debian's packages are installed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cluster_recipes::{place, recipe};
use crate::file_tree::{assert_same, tree};
use crate::outside::skip;
use crate::program::run;
use crate::recordings::Workplace;

/// Long enough for a busy machine: SLURM looks for something to start every few seconds.
const LONG: Duration = Duration::from_secs(180);

/// The daemons of a SLURM, which end with this.
struct Slurm {
    daemons: Vec<Child>,
}

impl Drop for Slurm {
    fn drop(&mut self) {
        // The last one started is the last one that others need.
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

impl Slurm {
    /// Starts one whose nodes say that they have eight processors each, with all its files in `folder`.
    fn start(folder: &Path) -> Self {
        for name in ["state", "spool.a", "spool.b"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let mut key = OpenOptions::new();
        let key = key.write(true).create_new(true).mode(0o600).open(folder.join("key"));
        key.unwrap().write_all(&[48; 128]).unwrap();
        let configuration = configuration(folder);
        fs::write(folder.join("slurm.conf"), configuration).unwrap();
        let mut slurm = Slurm { daemons: Vec::new() };
        let option = |name: &str, file: &str| format!("--{name}={}", folder.join(file).display());
        slurm.daemon(
            folder,
            "munged",
            &[
                "--foreground",
                "--force",
                &option("key-file", "key"),
                &option("socket", "munge"),
                &option("pid-file", "munge.pid"),
                &option("log-file", "munge.log"),
                &option("seed-file", "munge.seed"),
            ],
        );
        slurm.until("munge answers", || folder.join("munge").exists());
        slurm.daemon(folder, "slurmctld", &["-D", "-i"]);
        slurm.daemon(folder, "slurmd", &["-D", "-N", "a"]);
        slurm.daemon(folder, "slurmd", &["-D", "-N", "b"]);
        slurm.until("both nodes are idle", || {
            said(folder, "sinfo", &["-h", "-o", "%D %t"]).trim() == "2 idle"
        });
        slurm
    }

    fn daemon(&mut self, folder: &Path, name: &str, arguments: &[&str]) {
        let log = File::create(folder.join(format!("{name}{}.log", self.daemons.len()))).unwrap();
        let daemon = Command::new(name)
            .args(arguments)
            .env("SLURM_CONF", folder.join("slurm.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.daemons.push(daemon.unwrap());
    }

    /// Waits until something holds, as long as all daemons live.
    #[track_caller]
    fn until(&mut self, what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            for daemon in &mut self.daemons {
                assert!(daemon.try_wait().unwrap().is_none(), "{what}: a daemon has ended");
            }
            assert!(begun.elapsed() < LONG, "{what}: not in {LONG:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A slurm.conf for two nodes on this machine.
fn configuration(folder: &Path) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let host = host.trim().split('.').next().unwrap().to_owned();
    let free = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [controller, a, b] = free.map(|listener| listener.local_addr().unwrap().port());
    let folder = folder.display();
    format!(
        "ClusterName=l48\n\
        SlurmctldHost={host}(127.0.0.1)\n\
        SlurmUser=root\n\
        SlurmctldPort={controller}\n\
        AuthType=auth/munge\n\
        AuthInfo=socket={folder}/munge\n\
        StateSaveLocation={folder}/state\n\
        SlurmdSpoolDir={folder}/spool.%n\n\
        SlurmctldPidFile={folder}/slurmctld.pid\n\
        SlurmdPidFile={folder}/slurmd.%n.pid\n\
        ProctrackType=proctrack/pgid\n\
        TaskPlugin=task/none\n\
        JobAcctGatherType=jobacct_gather/none\n\
        MpiDefault=none\n\
        SelectType=select/cons_tres\n\
        SelectTypeParameters=CR_CPU\n\
        SlurmdParameters=config_overrides\n\
        ReturnToService=2\n\
        NodeName=a NodeHostname={host} NodeAddr=127.0.0.1 Port={a} CPUs=8 RealMemory=65536\n\
        NodeName=b NodeHostname={host} NodeAddr=127.0.0.1 Port={b} CPUs=8 RealMemory=65536\n\
        PartitionName=short Nodes=a,b Default=YES MaxTime=INFINITE State=UP\n"
    )
}

/// What a command of SLURM prints; nothing if it fails, as all do until the daemons listen.
fn said(folder: &Path, command: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(command);
    command.args(arguments).env("SLURM_CONF", folder.join("slurm.conf"));
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// Whether a SLURM can be started here; says so if not.
fn can_start() -> bool {
    let has = |program: &str| Command::new(program).arg("-V").output().is_ok();
    if !["munged", "slurmctld", "slurmd", "sbatch"].into_iter().all(has) {
        skip("needs SLURM (Debian: slurmctld, slurmd, slurm-client, munge)");
        return false;
    }
    let user = Command::new("id").arg("-u").output().unwrap();
    if user.stdout != b"0\n" {
        skip("slurmd runs as root only");
        return false;
    }
    true
}

/// Submits the recipe and waits until its jobs have ended.
fn submit(place: &Workplace, slurm: &mut Slurm, folder: &Path) {
    let mut script = recipe("slurm.sh", place, "4");
    script.current_dir(place.path("jobs"));
    script.env("SLURM_CONF", folder.join("slurm.conf"));
    script.env("SBATCH_OPTIONS", "--partition=short");
    run(&mut script).expect(0);
    slurm.until("the jobs have ended", || said(folder, "squeue", &["-h"]).is_empty());
}

/// What a job wrote, by the name that SLURM gives the file.
fn written(place: &Workplace, name: &str) -> String {
    fs::read_to_string(place.path("jobs").join(name)).unwrap()
}

#[test]
fn a_real_slurm_makes_the_dataset() {
    if !can_start() {
        return;
    }
    let place = place();
    fs::create_dir(place.path("jobs")).unwrap();
    let folder = place.path("slurm");
    let mut slurm = Slurm::start(&folder);
    submit(&place, &mut slurm, &folder);
    // The array is job 1, the commit comes after it and has the next free number.
    for part in 0..4 {
        let said = written(&place, &format!("slurm-1_{part}.out"));
        assert!(said.contains("Built shards"), "part {part}: {said}");
    }
    assert_same(
        &tree(&place.path("whole")),
        &tree(&place.path("out")),
        "at once, and by SLURM",
    );
    // Once more: nothing to do.
    submit(&place, &mut slurm, &folder);
    let commits = fs::read_dir(place.path("jobs")).unwrap();
    let commits = commits.filter(|file| !file.as_ref().unwrap().file_name().to_str().unwrap().contains('_'));
    let said: Vec<String> = commits
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert_eq!(said.len(), 2);
    assert!(
        said.iter().any(|said| said.contains("is already committed")),
        "{said:?}"
    );
}
