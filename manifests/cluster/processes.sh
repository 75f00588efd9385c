#!/usr/bin/env bash
# Builds a dataset in several processes of one machine: processes.sh MANIFEST OUT PARTS
# A part that ends by a signal or with 75 is started again; running the whole script again goes on where it stopped.
# With hosts that share a file system, put `ssh HOST` before the program in `build_part`.
set -euo pipefail
manifest=$1 out=$2 parts=$3
l48=${L48:-l48} tries=3

build_part() {
	local code try
	for ((try = 1; try <= tries; try++)); do
		code=0
		"$l48" build "$manifest" --out "$out" --part "$1/$parts" --threads "${THREADS:-1}" --resume --wait 600 \
			--die-with-parent || code=$?
		case $code in
		0 | 1) return 0 ;;    # 1: built, with some recordings rejected; the commit counts them
		2) return 2 ;;        # a retry does not mend it
		*) sleep $((try * 5)) ;; # 75: another process has a shard; 128 and more: killed
		esac
	done
	return "$code"
}

"$l48" plan "$manifest" --out "$out" --resume --wait 600
jobs=()
for ((part = 0; part < parts; part++)); do
	build_part "$part" &
	jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job" || true; done
code=0
# Names the shards that are missing, if a part failed.
"$l48" commit "$out" --resume --wait 600 || code=$?
[ "$code" -eq 1 ] && code=0
exit "$code"
