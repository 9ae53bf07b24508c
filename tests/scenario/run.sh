#!/usr/bin/env bash
# usage: run.sh [NAME|FILE...]
# Runs all scenarios of this folder, or those that are named, JOBS (as many as cores) at a time, for they wait more than they
# work; each may take SECONDS_MAX (240). Prints what each says of itself when it ends, "NAME: N passed, N failed", or why it
# was skipped (exit 77), and the sum at the end; what a failed one said stands above its line. Ends with 1 if anything
# failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
limit=${SECONDS_MAX:-240}

if [ $# -gt 0 ]; then
	scripts=()
	for name in "$@"; do [ -f "$name" ] && scripts+=("$name") || scripts+=("$here/$name.sh"); done
else
	mapfile -t scripts < <(find "$here" -maxdepth 1 -name '*.sh' ! -name lib.sh ! -name run.sh | sort)
fi
logs=$(mktemp -d "${TMPDIR:-/tmp}/liaison-scenarios.XXXXXX")
trap 'rm -rf "$logs"' EXIT

# Tells all of a scenario in one piece, and adds "PASSED FAILED" to $logs/sums.
tell() {
	local name=$1 code=$2 seconds=$3 sum good bad
	if [ "$code" -eq 77 ]; then
		printf '%s: skipped: %s\n' "$name" "$(tail -n 1 "$logs/$name")"
		return
	fi
	sum=$(sed -n "s/^$name: \([0-9]*\) passed, \([0-9]*\) failed\$/\1 \2/p" "$logs/$name" | tail -n 1)
	read -r good bad <<<"${sum:-0 0}"
	[ "$code" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	if [ "$bad" -gt 0 ]; then
		cat "$logs/$name"
		[ "$code" -ne 124 ] && [ "$code" -ne 137 ] || printf '%s took more than %s s and was ended\n' "$name" "$limit"
	fi
	grep '^SKIPPED' "$logs/$name"
	printf '%s: %d passed, %d failed (%d s)\n' "$name" "$good" "$bad" "$seconds"
	printf '%d %d\n' "$good" "$bad" >>"$logs/sums"
}

run_one() {
	local name began=$SECONDS code
	name=$(basename "$1" .sh)
	timeout --kill-after=20 "$limit" bash "$1" >"$logs/$name" 2>&1
	code=$?
	(
		flock 9
		tell "$name" $code $((SECONDS - began))
	) 9>"$logs/lock"
}
export -f tell run_one
export logs limit

: >"$logs/sums"
printf '%s\0' "${scripts[@]}" | xargs -0 -P "${JOBS:-$(nproc)}" -I{} bash -c 'run_one "$1"' run_one {}
awk '{ passed += $1; failed += $2 } END { printf "scenarios: %d passed, %d failed\n", passed, failed; exit failed > 0 }' \
	"$logs/sums"
