#!/usr/bin/env bash
# usage: all.sh BUILD UNIT-TEST...
# Runs the unit tests and then the scenarios. A test that fails is shown whole; the last line is the sum of all.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$1
shift
# A test that crashes or is ended leaves its folders behind: all lie in this one.
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/liaison-tests.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 1' INT TERM HUP
log=$TMPDIR/log
passed=0
failed=0

for test in "$@"; do
	timeout --kill-after=20 600 "$test" >"$log" 2>&1
	code=$?
	good=$(grep -c '^\[       OK \]' "$log")
	bad=$(grep -c '^\[  FAILED  \] [^0-9]' "$log")
	bad=$((bad / 2)) # cmocka names each failed test twice
	[ $code -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	[ "$bad" -eq 0 ] || cat "$log"
	grep -i '^skip' "$log"
	printf '%s: %d passed, %d failed\n' "$(basename "$test")" "$good" "$bad"
	passed=$((passed + good))
	failed=$((failed + bad))
done

BUILD=$build bash "$here/scenario/run.sh" | tee "$log"
sum=$(sed -n 's/^scenarios: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
read -r good bad <<<"${sum:-0 1}"
printf '%d passed, %d failed\n' $((passed + good)) $((failed + bad))
[ $((failed + bad)) -eq 0 ]
