# What every scenario begins with: `. "$(dirname "$0")/lib.sh"`. A scenario is a story with real processes over loopback:
# one bash script that says what it does by `step`, checks it by `expect...` and `check`, and ends with `finish`. All that
# it makes lies in $TMP, all that it starts is stopped by number, also when it fails.
#
#   BUILD    where liaison and liaisond are (default: build/ of this tree)
#   KEEP=1   leaves $TMP behind, for looking at

set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${BUILD:-$ROOT/build}" && pwd)
PATH=$BUILD:$BUILD/tests/scenario/tools:$PATH
[ -x "$BUILD/liaison" ] && [ -x "$BUILD/liaisond" ] || { echo "there are no programs in $BUILD; make them first" >&2; exit 1; }
unset LIAISON_HOME LIAISON_PASSPHRASE_FILE LIAISON_TEST_CLOCK_OFFSET_MS
export NO_COLOR=1 LC_ALL=C.UTF-8
TMP=$(mktemp -d "${TMPDIR:-/tmp}/liaison-scenario.XXXXXX")
SCENARIO=$(basename "$0" .sh)
passed=0
failed=0
what=""
declare -A pids=() # name -> process that start() began

# --- telling ---------------------------------------------------------------------------------------------------------
step() { # step SENTENCE: what the next checks are about
	what=$1
	printf '# %s: %s\n' "$SCENARIO" "$what"
}

# Whether the programs were built with the address sanitizer, which keeps what was freed for a while.
is_sanitized() { ldd "$BUILD/liaisond" | grep -q 'libasan\|libclang_rt.asan'; }

pass() { passed=$((passed + 1)); }

fail() { # fail SENTENCE: one check did not hold
	failed=$((failed + 1))
	printf 'FAILED %s, line %s: %s (%s)\n' "$SCENARIO" "${BASH_LINENO[1]:-?}" "$1" "$what" >&2
}

finish() { # the last line of every scenario
	trap - EXIT
	clean_up
	printf '%s: %d passed, %d failed\n' "$SCENARIO" "$passed" "$failed"
	[ "$failed" -eq 0 ]
	exit
}

skip() { # skip WHY: nothing of this scenario can be tried here
	trap - EXIT
	clean_up
	printf '%s\n' "$1"
	exit 77
}

# --- checking --------------------------------------------------------------------------------------------------------
check() { # check SENTENCE COMMAND...: the command succeeds
	local sentence=$1
	shift
	if "$@"; then pass; else fail "$sentence"; fi
}

# Runs a command; its output is in $out (both streams in $TMP/out and $TMP/err, the latter also in $err) afterwards.
run() {
	"$@" >"$TMP/out" 2>"$TMP/err"
	code=$?
	out=$(cat "$TMP/out")
	err=$(cat "$TMP/err")
	return 0
}

expect_exit() { # expect_exit CODE COMMAND...
	local wanted=$1
	shift
	run "$@"
	if [ "$code" -eq "$wanted" ]; then
		pass
	else
		fail "exit $code, not $wanted, of: $*"
		sed 's/^/    /' "$TMP/out" "$TMP/err" | tail -n 20 >&2
	fi
}

expect_out() { # expect_out PATTERN: standard output of the last run has a line that matches (grep -E)
	if grep -qE -- "$1" "$TMP/out"; then pass; else fail "standard output has no /$1/: $(head -c 600 "$TMP/out")"; fi
}

expect_err() {
	if grep -qE -- "$1" "$TMP/err"; then pass; else fail "standard error has no /$1/: $(head -c 600 "$TMP/err")"; fi
}

expect_no_out() {
	if grep -qE -- "$1" "$TMP/out"; then fail "standard output has /$1/: $(head -c 600 "$TMP/out")"; else pass; fi
}

expect_same() { # expect_same SENTENCE WANTED GOT
	if [ "$2" = "$3" ]; then pass; else fail "$1: wanted \"$2\", got \"$3\""; fi
}

expect_lines() { # expect_lines COUNT FILE [PATTERN]
	expect_same "lines in $(basename "$2")" "$1" "$(grep -cE -- "${3:-}" "$2")"
}

wait_until() { # wait_until SECONDS COMMAND...: tried every 50 ms until it succeeds; a failed check if it never does
	local deadline=$(($(date +%s%N) + $1 * 1000000000))
	shift
	while ! "$@" >/dev/null 2>&1; do
		if [ "$(date +%s%N)" -ge "$deadline" ]; then
			fail "never came true: $*"
			return 1
		fi
		sleep 0.05
	done
	pass
}

has_line() { grep -qE -- "$2" "$1"; } # has_line FILE PATTERN, for wait_until

# --- processes -------------------------------------------------------------------------------------------------------
start() { # start NAME COMMAND...: in the background, output to $TMP/NAME.out and $TMP/NAME.err
	local name=$1
	shift
	: >"$TMP/$name.out" # before anybody looks: what an earlier one of that name said is no answer
	: >"$TMP/$name.err"
	"$@" >"$TMP/$name.out" 2>"$TMP/$name.err" </dev/null &
	pids[$name]=$!
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

stop() { # stop NAME [SIGNAL]: ends what start began and waits for it; its exit code is in $code
	local pid=${pids[$1]:-}
	[ -n "$pid" ] || return 0
	kill "-${2:-TERM}" "$pid" 2>/dev/null
	code=0
	wait "$pid" 2>/dev/null || code=$?
	unset "pids[$1]"
}

await() { # await NAME SECONDS: waits for the end of what start began; its exit code is in $code
	local pid=${pids[$1]}
	wait_until "$2" is_gone "$pid" || kill -KILL "$pid" 2>/dev/null
	code=0
	wait "$pid" 2>/dev/null || code=$?
	unset "pids[$1]"
}

# --- a network -------------------------------------------------------------------------------------------------------
net_up() { # net_up [CC,...]: a sandbox in $NET
	NET=$TMP/net
	expect_exit 0 liaison sandbox up "$NET" --countries "${1:-KH,TH,VN}"
}

at() { # at OFFICE COMMAND...: `liaison COMMAND` as that office of the sandbox
	local office=$1
	shift
	liaison --home "$NET/$office" "$@"
}

free_port() { # a port of 127.0.0.1 at which nobody listens now
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

broker_pid() { sed 's/ .*//' "$NET/kh.broker/pid"; }

broker_is_down() { ! liaison sandbox status "$NET"; }

# The broker is killed and gone: a process that is being torn down still counts as one that runs, for `sandbox up` too.
kill_broker() {
	kill -KILL "$(broker_pid)"
	wait_until 20 broker_is_down
}

a_route() { # a_route HEADLINE [HANDLING]: an alert on standard output that any office may publish
	printf '{"kind":"ROUTE","crime":["WILDLIFE"],"urgency":"EXPECTED","severity":"SEVERE","certainty":"LIKELY","source":"B",'
	printf '"information":"2","action":["INFORM_ONLY"],"texts":[{"lang":"en","headline":"%s"}],' "$1"
	printf '"where":{"countries":["KH","TH"],"crossings":["kh-poipet"]},"handling":%s}\n' "${2:-{\"level\":\"AMBER\",\"countries\":[\"TH\",\"VN\"]\}}"
}

# --- the end ---------------------------------------------------------------------------------------------------------
clean_up() {
	local name
	for name in "${!pids[@]}"; do
		stop "$name" TERM
	done
	[ -z "${NET:-}" ] || [ ! -e "$NET/sandbox.conf" ] || liaison sandbox down "$NET" -q
	if [ "${KEEP:-0}" = 1 ]; then
		printf 'kept: %s\n' "$TMP" >&2
	else
		rm -rf "$TMP"
	fi
}

abandon() { # a script that ends before `finish` has failed
	clean_up
	printf '%s: %d passed, %d failed\n' "$SCENARIO" "$passed" "$((failed + 1))"
	exit 1
}
trap abandon EXIT
trap 'exit 1' INT TERM HUP
