#!/usr/bin/env bash
# usage: run.sh WORK [MODEL]
# Checks the models by spin: each as it is meant to be holds, in all of its states; each broken variant is caught, and
# by what `cases` says. One line a case as it ends; ends with 1 if any went otherwise. WORK is made anew.
set -u
here=$(cd "$(dirname "$0")" && pwd)
DEPTH=100000 MEMORY_MIB=3000

# What the assertion of a trail is called: the last comment on its line.
assertion_name() {
	local line
	line=$(spin "${flags[@]}" -t "$model.pml" 2>/dev/null |
		sed -n 's/.*pml:\([0-9]*\), Error: assertion violated.*/\1/p' | head -1)
	[ -n "$line" ] && sed -n "${line}s|.*/\* \([a-z-]*\) \*/.*|\1|p" "$model.pml"
}

# holds, what caught it, or what went wrong with the run itself.
verdict() {
	grep -qE 'max search depth too small|out of memory|reached -DMEMLIM|aborted' out && { echo incomplete; return; }
	if grep -q 'errors: 0$' out; then
		echo holds
	elif grep -q 'acceptance cycle' out; then
		echo "$check"
	elif grep -q 'assertion violated' out; then
		assertion_name
	else
		echo "no verdict"
	fi
}

# The states that no run reached, but for the ends of processes that never end.
unreached() {
	awk '/^unreached in (proctype|init)/ { on = 1; next } /^unreached in claim/ { on = 0 }
		on && /^\t.*, state [0-9]+,/' out | grep -v -- '-end-' | sed 's/^\t\([^,]*\), state [0-9]*, /\1: /'
}

run_case() {
	local number=$1 model=$2 check=$3 expected=$4 found='' got states name line
	shift 4
	local -a flags=() safety=()
	for macro in "$@"; do [ "$macro" = - ] || flags+=("-D$macro"); done
	[ "${expected#found:}" = "$expected" ] || found=' (the product as it is: see README.md)'
	expected=${expected#found:}
	mkdir -p "$work/$number" && cp "$here/$model.pml" "$work/$number" && cd "$work/$number" || return
	[ "$check" = safety ] && safety=(-DSAFETY -DNOCLAIM)
	local -a claim=(-a -N "$check")
	[ "$check" = safety ] && claim=()
	# What is broken is caught before a faster program would pay for its compilation.
	local level=-O0
	[ "$expected" = holds ] && level=-O1
	# An extra `else` or a full channel is for spin to say; a claim that is not there is not checked by its default.
	if ! spin "${flags[@]}" -a "$model.pml" >spin.out 2>&1 || grep -q 'Error' spin.out ||
		! { [ "$check" = safety ] || grep -q "^ltl $check:" spin.out; } ||
		! "${CC:-gcc}" "$level" -w "${safety[@]}" -DMEMLIM=$MEMORY_MIB -o pan pan.c 2>gcc.out; then
		got='not compiled'
	else
		./pan -m$DEPTH "${claim[@]}" >out 2>&1
		got=$(verdict)
		[ "$check" = safety ] && unreached >unreached
	fi
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' out 2>/dev/null)
	rm -f pan pan.[bcmhpt]
	name="$model ${*/#-/as it is meant}: $check"
	if [ "$got" != "$expected" ]; then
		line="not ok  $name: ${got:-no verdict}, expected $expected (${states:-0} states)"
	elif [ "$got" = holds ]; then
		line="ok      $name: holds in all of $states states"
	else
		line="ok      $name: caught by $got after $states states$found"
	fi
	echo "$line" | tee line
}

if [ "${1:-}" = --case ]; then
	work=$2
	shift 2
	run_case "$@"
	exit
fi

work=${1:?usage: run.sh WORK [MODEL]} only=${2:-}
rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd) || exit 1
cd "$here" || exit 1
command -v spin >/dev/null || { echo "spin is not here: .ci/deps-check installs it"; exit 1; }
grep -vE '^(#|$)' cases | awk -v only="$only" 'only == "" || $1 == only { print NR, $0 }' >"$work/cases"
xargs -a "$work/cases" -P"$(nproc)" -L1 bash "$here/run.sh" --case "$work"

passed=$(cat "$work"/*/line 2>/dev/null | grep -c '^ok ')
failed=$(($(wc -l <"$work/cases") - passed))
# A line of a model that no run of it as it is meant comes to is a line that checks nothing.
for model in $(awk '{ print $2 }' "$work/cases" | sort -u); do
	runs=0
	for number in $(awk -v model="$model" '$2 == model && $3 == "safety" && $4 == "holds" { print $1 }' "$work/cases"); do
		sort -u "$work/$number/unreached"
		runs=$((runs + 1))
	done >"$work/$model.all"
	sort "$work/$model.all" | uniq -c | awk -v runs="$runs" '$1 == runs' >"$work/$model.unreached"
	if [ "$runs" -gt 0 ] && [ ! -s "$work/$model.unreached" ]; then
		echo "ok      $model: every statement is reached"
		passed=$((passed + 1))
	else
		echo "not ok  $model: never reached:" && cat "$work/$model.unreached"
		failed=$((failed + 1))
	fi
done
echo "model: $passed passed, $failed failed"
[ "$failed" = 0 ]
