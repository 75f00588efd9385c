//! Tests that the recipes in `manifests/cluster` run: in processes, and by a stand-in for SLURM's `sbatch`; and that the
//! Kubernetes jobs are valid.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::file_tree::{assert_same, tree};
use crate::outside::python;
use crate::program::{command, l48, run, workspace};
use crate::recordings::Workplace;

/// Does with a job script what `sbatch` does, at once and one task after the other: reads its `#SBATCH` lines and its
/// options, sets the variables, runs a copy. Prints a number. A task listed in `FAILS` fails before it runs.
const SBATCH: &str = r##"#!/usr/bin/env bash
set -uo pipefail
echo "$@" >>"$CALLS"
array= cpus=1
while [[ $1 == --* ]]; do
	case $1 in
	--array=*) array=${1#--array=} ;;
	--dependency=afterany:*) [ "${1##*:}" = 17 ] || exit 3 ;;
	--parsable | --job-name=* | --partition=*) ;;
	*) echo "unknown option $1" >&2; exit 2 ;;
	esac
	shift
done
script=$(mktemp) && cp "$1" "$script" && shift
while read -r _ option; do
	case $option in
	--cpus-per-task=*) cpus=${option#*=} ;;
	--mem=* | --time=* | --requeue) ;;
	*) echo "unknown directive $option" >&2; exit 2 ;;
	esac
done < <(grep '^#SBATCH' "$script")
export SLURM_CPUS_PER_TASK=$cpus
code=0
if [ -n "$array" ]; then
	export SLURM_ARRAY_TASK_COUNT=$((${array#*-} - ${array%-*} + 1))
	for id in $(seq "${array%-*}" "${array#*-}"); do
		[ "${FAILS:-}" = "$id" ] && continue
		SLURM_ARRAY_TASK_ID=$id bash "$script" "$@" >>"$CALLS.out" 2>&1 || echo "task $id: $?" >>"$CALLS"
	done
else
	bash "$script" "$@" >>"$CALLS.out" 2>&1 || echo "job: $?" >>"$CALLS"
fi
rm -f "$script"
echo 17
"##;

/// Five shards, one recording of which is refused.
pub(crate) fn place() -> Workplace {
    let place = Workplace::with_recordings(
        "[shards]\nclips = 3\n",
        &[(1, 9.0), (2, 9.0), (3, 12.0), (4, 9.0), (5, 9.0)],
    );
    place.write_bytes("audio/4.wav", b"RIFF, but no more than that");
    l48!["build", place.manifest(), "--out", place.path("whole")].expect(1);
    place
}

/// A recipe of `manifests/cluster`, about to build the dataset of a place into its folder `out`.
pub(crate) fn recipe(name: &str, place: &Workplace, parts: &str) -> Command {
    let mut recipe = Command::new("bash");
    recipe.arg(workspace().join("manifests/cluster").join(name));
    recipe.arg(place.manifest()).arg(place.path("out")).arg(parts);
    recipe
        .env("L48", command().get_program())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    recipe
}

#[test]
fn processes_of_one_machine_make_the_dataset() {
    let place = place();
    let mut script = recipe("processes.sh", &place, "3");
    run(&mut script).expect(0);
    assert_same(
        &tree(&place.path("whole")),
        &tree(&place.path("out")),
        "at once, and by processes.sh",
    );
    // Once more: nothing to do.
    run(&mut script).expect(0).prints("is already committed");
}

#[test]
fn slurm_makes_the_dataset_and_goes_on_after_a_failure() {
    let place = place();
    let bin: PathBuf = place.path("bin");
    place.write("bin/sbatch", SBATCH);
    fs::set_permissions(bin.join("sbatch"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let calls = place.path("calls");
    let submit = |fails: &str| {
        let mut script = recipe("slurm.sh", &place, "4");
        script.env("PATH", &path).env("CALLS", &calls).env("FAILS", fails);
        script.env("SBATCH_OPTIONS", "--partition=short");
        run(&mut script).expect(0);
        fs::read_to_string(&calls).unwrap()
    };
    let log = submit("2");
    assert!(log.contains("--array=0-3") && log.contains("job: 2"), "{log}");
    let said = fs::read_to_string(place.path("calls.out")).unwrap();
    assert!(said.contains("shards are not built yet: "), "{said}");
    assert!(!place.path("out/dataset.json").exists());
    fs::remove_file(&calls).unwrap();
    let log = submit("");
    assert!(!log.contains("task ") && !log.contains("job: "), "{log}");
    assert_same(
        &tree(&place.path("whole")),
        &tree(&place.path("out")),
        "at once, and by slurm.sh",
    );
}

#[test]
fn kubernetes_accepts_the_jobs() {
    let jobs = workspace().join("manifests/cluster/kubernetes.yaml");
    let Some(mut check) = python(&workspace().join("tests/python/kubernetes_jobs.py")) else {
        return;
    };
    run(check.arg(jobs)).expect(0).prints("2 jobs are valid");
}
