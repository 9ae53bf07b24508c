#!/usr/bin/env bash
# usage: run.sh [NAME|FILE...]
# Runs all scenarios of this folder, or those that are named, one after the other; each may take SECONDS_MAX (240). Prints
# what each says of itself, "NAME: N passed, N failed", or why it was skipped (exit 77), and the sum at the end; what a
# failed one said stands above its line. Ends with 1 if anything failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
limit=${SECONDS_MAX:-240}
passed=0
failed=0

if [ $# -gt 0 ]; then
	scripts=()
	for name in "$@"; do [ -f "$name" ] && scripts+=("$name") || scripts+=("$here/$name.sh"); done
else
	mapfile -t scripts < <(find "$here" -maxdepth 1 -name '*.sh' ! -name lib.sh ! -name run.sh | sort)
fi
log=$(mktemp "${TMPDIR:-/tmp}/liaison-scenarios.XXXXXX")
trap 'rm -f "$log"' EXIT

for script in "${scripts[@]}"; do
	name=$(basename "$script" .sh)
	began=$(date +%s)
	timeout --kill-after=20 "$limit" bash "$script" >"$log" 2>&1
	code=$?
	if [ $code -eq 77 ]; then
		printf '%s: skipped: %s\n' "$name" "$(tail -n 1 "$log")"
		continue
	fi
	sum=$(sed -n "s/^$name: \([0-9]*\) passed, \([0-9]*\) failed\$/\1 \2/p" "$log" | tail -n 1)
	read -r good bad <<<"${sum:-0 0}"
	[ $code -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	if [ "$bad" -gt 0 ]; then
		cat "$log"
		[ $code -ne 124 ] && [ $code -ne 137 ] || printf '%s took more than %s s and was ended\n' "$name" "$limit"
	fi
	printf '%s: %d passed, %d failed (%d s)\n' "$name" "$good" "$bad" $(($(date +%s) - began))
	passed=$((passed + good))
	failed=$((failed + bad))
done
printf 'scenarios: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
