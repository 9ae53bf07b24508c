#!/usr/bin/env bash
# usage: run.sh BUILD SECONDS FUZZER...
# Runs each fuzz target for so long, as many at a time as there are cores: seeds and finds in BUILD/corpus/NAME, inputs
# that fail in BUILD/found. One line a target; of one that fails also the end of its log. Ends with 1 if any failed.
set -u
build=$1
seconds=$2
shift 2
mkdir -p "$build/found" "$build/log"

run_one() {
	local fuzzer=$1 name log
	name=$(basename "$fuzzer" _fuzz)
	log=$build/log/$name.log
	mkdir -p "$build/corpus/$name"
	if "$fuzzer" -max_total_time="$seconds" -max_len=70000 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$build/found/$name-" "$build/corpus/$name" >"$log" 2>&1; then
		echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs," \
			"$(find "$build/corpus/$name" -type f | wc -l) inputs kept, nothing found"
	else
		echo "fuzz $name: FAILED ($log)"
		tail -n 40 "$log"
		return 1
	fi
}
export -f run_one
export build seconds
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'run_one {}' || exit 1
