#!/usr/bin/env bash
# usage: run.sh FILE...
# Runs each scenario by itself, with a bound on its time; shows what one said only if it failed. 77 is "skipped".
set -u
failed=0 passed=0 skipped=0
limit=${SCENARIO_SECONDS:-180}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for scenario in "$@"; do
	began=$SECONDS
	timeout --kill-after=10 "$limit" bash "$scenario" >"$log" 2>&1
	code=$?
	name=$(basename "$scenario" .sh)
	case $code in
	0) passed=$((passed + 1)) && echo "ok      $name ($((SECONDS - began)) s)" ;;
	77) skipped=$((skipped + 1)) && echo "SKIPPED $name: $(tail -n 1 "$log")" ;;
	*)
		failed=$((failed + 1))
		echo "not ok  $name: exit $code after $((SECONDS - began)) s"
		tail -n 60 "$log" | sed 's/^/    /'
		;;
	esac
done
echo "scenarios: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
