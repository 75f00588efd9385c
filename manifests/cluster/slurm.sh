#!/usr/bin/env bash
# Builds a dataset as an array of SLURM jobs, on a file system that the nodes share:
#
#   manifests/cluster/slurm.sh birds.toml /shared/birds 64
#
# on the login node plans it, submits 64 jobs and one that commits when all have ended. Running it again goes on where it
# stopped. Options for both kinds of jobs, such as --partition or --account, go into SBATCH_OPTIONS.
#SBATCH --cpus-per-task=8
#SBATCH --mem=4G
#SBATCH --time=04:00:00
#SBATCH --requeue
set -euo pipefail
l48=${L48:-l48}

# Exit code 1 says that some recordings were rejected: the commit counts them, and --max-rejects can limit their number.
rejects_are_fine() {
	local code=0
	"$@" || code=$?
	[ "$code" -eq 1 ] && code=0
	return "$code"
}

case $1 in
part)
	rejects_are_fine "$l48" build "$2" --out "$3" --part "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
		--threads "$SLURM_CPUS_PER_TASK" --resume --wait 600
	;;
commit)
	# Names the shards that are missing, if a job failed.
	rejects_are_fine "$l48" commit "$2" --resume --wait 600
	;;
*)
	manifest=$1 out=$2 parts=$3
	"$l48" plan "$manifest" --out "$out" --resume --wait 600
	# shellcheck disable=SC2086
	array=$(sbatch --parsable --job-name=l48-build --array="0-$((parts - 1))" ${SBATCH_OPTIONS:-} "$0" part "$manifest" "$out")
	# shellcheck disable=SC2086
	sbatch --parsable --job-name=l48-commit --dependency="afterany:${array%%;*}" ${SBATCH_OPTIONS:-} "$0" commit "$out"
	;;
esac
