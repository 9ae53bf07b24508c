#!/usr/bin/env bash
# README's commands, run as they stand: the tour, and the enrolment of two real offices from keys to first delivery. Only
# the folder and the port are this run's own. The blocks of shell between a mark <!-- run: NAME --> and the next heading
# belong to NAME.
. "$(dirname "$0")/lib.sh"
NET=$TMP/net
ln -s "$ROOT/config" "$TMP/config" # README's paths begin at the top of the tree
ln -s "$BUILD" "$TMP/build"

commands_of() {
	awk -v name="$1" '
		/^<!-- run: / { inside = $3 == name }
		/^#/ && !block { inside = 0 }
		/^```/ { block = !block; shell = $0 == "```sh"; next }
		inside && block && shell' "$ROOT/README.md"
}

step "the tour"
commands_of tour | sed "s|/tmp/net|$NET|g" > "$TMP/tour.sh"
check "there is a tour" test -s "$TMP/tour.sh"
expect_exit 0 env -C "$TMP" bash -eu tour.sh
expect_out 'kh\.blo\.demo/1 accepted by kh\.broker'
expect_out '^[{]"type":"delivery".*"verified":true.*"id":"kh\.blo\.demo/1"'
expect_out 'refused, exit code 77'

step "two real offices"
commands_of offices | sed "s|127\.0\.0\.1:7400|127.0.0.1:$(free_port)|g" > "$TMP/offices.sh"
# The broker is the one command in the background: its number is kept as soon as it is there.
echo 'echo $! > broker.pid' > "$TMP/keep"
sed -i "/2> broker\/log.txt &$/r $TMP/keep" "$TMP/offices.sh"
expect_exit 0 timeout 60 env -C "$TMP" bash -eu offices.sh
expect_out 'kh\.blo\.poipet/1 accepted by kh\.broker'
expect_out 'ROUTE +kh\.blo\.poipet/1'
pids[broker]=$(cat "$TMP/broker.pid")
kill -TERM "${pids[broker]}"
wait_until 10 is_gone "${pids[broker]}" && unset 'pids[broker]'
finish
