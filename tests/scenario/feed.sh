#!/usr/bin/env bash
# A feed goes on where it stood, once for each alert; it narrows by its filter; one program reads it at a time.
. "$(dirname "$0")/lib.sh"
net_up KH,TH,VN
cd "$TMP"

step "what is published is delivered once, verified, and goes on from there"
for i in 1 2 3; do a_route "Number $i" | at kh.blo.demo publish - >/dev/null; done
expect_exit 0 at th.blo.demo feed --until-end --json
expect_lines 3 "$TMP/out" '"type":"delivery".*"verified":true,"alert":\{.*"id":"kh.blo.demo/[123]"'
expect_out '"type":"progress".*"atEnd":true'
expect_exit 0 at th.blo.demo feed --until-end --json
expect_lines 0 "$TMP/out" '"type":"delivery"'
a_route "Number 4" | at kh.blo.demo publish - >/dev/null
expect_exit 0 at th.blo.demo feed --until-end
expect_out 'AMBER +ROUTE +kh.blo.demo/4 +Number 4$'
expect_lines 2 "$TMP/out" # with its heading

step "--from and --count"
expect_exit 0 at th.blo.demo feed --from start --count 2 --json
expect_lines 2 "$TMP/out" '"type":"delivery"'
expect_exit 0 at th.blo.demo feed --until-end --json
expect_lines 2 "$TMP/out" 'kh.blo.demo/[34]"'
fourth=$(grep '"id":"kh.blo.demo/4"' "$TMP/out" | sed 's/.*"index":\([0-9]*\).*/\1/')
expect_exit 0 at th.blo.demo feed --from "$fourth" --until-end --json
expect_lines 1 "$TMP/out" '"type":"delivery".*"id":"kh.blo.demo/4"'
expect_exit 0 at th.blo.demo feed late --from new --until-end --json
expect_lines 0 "$TMP/out" '"type":"delivery"'

step "--count, one at a time, gives each of both lanes exactly once, however they lie in the log"
to_one() { a_route "$1" '{"level":"AMBER","offices":["th.piu.demo"]}'; }
urgent() { to_one "$1" | sed 's/"urgency":"EXPECTED"/"urgency":"IMMEDIATE"/'; }
for i in 1 2 3 4 5 6 7 8; do
	case $i in 2 | 3 | 6 | 8) urgent "Mixed $i" ;; *) to_one "Mixed $i" ;; esac
done >mixed.jsonl
expect_exit 0 at kh.ncc.demo publish mixed.jsonl
one_by_one() { # one_by_one [OPTION...]: what `feed --count 1` gives until there is no more, in order
	local got
	for ((i = 0; i < 12; i++)); do
		got=$(at th.piu.demo feed "$@" --office kh.ncc --until-end --count 1 --json | sed -n 's/.*"type":"delivery".*"headline":"Mixed \([0-9]*\)".*/\1/p')
		[ -n "$got" ] || break
		echo "$got"
	done
}
expect_same "one by one, urgent first" "2 3 6 8 1 4 5 7" "$(one_by_one single | xargs)"
{ urgent "Mixed 9"; to_one "Mixed 10"; urgent "Mixed 11"; } >mixed.jsonl
expect_exit 0 at kh.ncc.demo publish mixed.jsonl
expect_same "and what came since" "9 11 10" "$(one_by_one single | xargs)"
expect_exit 0 at th.piu.demo feed single --until-end --json
expect_lines 0 "$TMP/out" '"type":"delivery"'
one_by_one_to_a_command() {
	local before
	for ((i = 0; i < 14; i++)); do
		before=$(wc -l <commanded)
		at th.piu.demo feed commanded --office kh.ncc --until-end --count 1 --exec "cat >>'$TMP/commanded'"
		[ "$(wc -l <commanded)" -gt "$before" ] || break
	done
}
: >commanded
one_by_one_to_a_command
expect_same "to a command" "2 3 6 8 9 11 1 4 5 7 10" "$(sed 's/.*"headline":"Mixed \([0-9]*\)".*/\1/' commanded | xargs)"

step "it reaches those that the handling names and nobody else"
a_route "For Viet Nam" '{"level":"AMBER","countries":["VN"]}' | at kh.blo.demo publish - >/dev/null
expect_exit 0 at th.blo.demo feed --until-end --json
expect_lines 0 "$TMP/out" '"type":"delivery"'
expect_exit 0 at vn.blo.demo feed --until-end --json
expect_out '"id":"kh.blo.demo/5"'

step "a live reader gets it as it is published, and ends cleanly"
start live liaison --home "$NET/vn.atu.demo" feed --json
wait_until 10 has_line "$TMP/live.out" '"atEnd":true'
a_route "Live" | at kh.blo.demo publish - >/dev/null
wait_until 10 has_line "$TMP/live.out" '"headline":"Live"'

step "a second reader is refused, unless it takes over"
expect_exit 77 at vn.atu.demo feed --until-end
expect_err 'another program'
expect_exit 0 at vn.atu.demo feed --until-end --take-over
await live 10
expect_same "exit of the one that lost its feed" 77 "$code"
check "it says why" grep -q 'took this feed over' "$TMP/live.err"
start live liaison --home "$NET/vn.atu.demo" feed --json
wait_until 10 has_line "$TMP/live.out" '"type":"progress"'
stop live INT
expect_same "exit after SIGINT" 0 "$code"
start live liaison --home "$NET/vn.atu.demo" feed --json
wait_until 10 has_line "$TMP/live.out" '"type":"progress"'
stop live TERM
expect_same "exit after SIGTERM" 0 "$code"

step "a filter is kept with its feed, and changed only when asked"
expect_exit 0 at th.atu.demo feed wild --kind ROUTE --crime WILDLIFE --country KH --until-end --json
expect_lines 5 "$TMP/out" '"type":"delivery"'
expect_exit 0 at th.atu.demo feed wild --until-end --json
expect_exit 77 at th.atu.demo feed wild --kind VEHICLE --until-end
expect_err 'another filter'
expect_exit 0 at th.atu.demo feed wild --kind VEHICLE --replace --until-end --json
expect_lines 0 "$TMP/out" '"type":"delivery"'
expect_exit 0 at th.atu.demo feed wild --replace --kind VEHICLE,ROUTE --until-end --json
expect_lines 0 "$TMP/out" '"type":"delivery"' # shown before
a_route "After" | at kh.blo.demo publish - >/dev/null
expect_exit 0 at th.atu.demo feed wild --until-end --json
expect_lines 1 "$TMP/out" '"type":"delivery"'
expect_exit 0 at th.atu.demo feeds ls
expect_out '^wild .* --kind ROUTE,VEHICLE$'

step "an exercise is never mixed in, and marked where it is asked for"
a_route "Drill" | sed 's/^{/{"status":"EXERCISE",/' | at kh.blo.demo publish - >/dev/null
expect_exit 0 at th.blo.demo feed --until-end --json
expect_no_out 'Drill'
expect_exit 0 at th.blo.demo feed drill --status EXERCISE --until-end
expect_out '\[EXERCISE\] Drill'
expect_exit 0 at th.blo.demo inbox
expect_no_out 'Drill'

step "a broker that comes back is found again"
start live liaison --home "$NET/vn.ncc.demo" feed --json
wait_until 10 has_line "$TMP/live.out" '"atEnd":true'
kill_broker
expect_exit 0 liaison sandbox up "$NET"
a_route "After the crash" | at kh.blo.demo publish - >/dev/null
wait_until 20 has_line "$TMP/live.out" 'After the crash'
expect_lines 1 "$TMP/live.out" 'After the crash'
stop live
expect_same "exit" 0 "$code"
sort "$TMP/live.out" | grep '"type":"delivery"' | uniq -d >"$TMP/twice"
expect_lines 0 "$TMP/twice"

step "a suspended office waits, and gets what it missed when it is let in again"
keys=$NET/authority
start live liaison --home "$NET/th.piu.demo" feed --json
wait_until 10 has_line "$TMP/live.out" '"atEnd":true'
cp "$NET/trust/th.roster" "$TMP/th-2"
expect_exit 0 liaison roster suspend --reason 'laptop lost' th.piu.demo "$TMP/th-2"
expect_exit 0 liaison roster sign --key "$keys/th-authority.key" "$TMP/th-2"
expect_exit 0 at th.ncc.demo roster push "$TMP/th-2"
wait_until 10 has_line "$TMP/live.err" 'trying again'
a_route "While it was suspended" | at kh.blo.demo publish - >/dev/null
cp "$TMP/th-2" "$TMP/th-3"
expect_exit 0 liaison roster resume th.piu.demo "$TMP/th-3"
expect_exit 0 liaison roster sign --key "$keys/th-authority.key" "$TMP/th-3"
expect_exit 0 at th.ncc.demo roster push "$TMP/th-3"
wait_until 40 has_line "$TMP/live.out" 'While it was suspended'
expect_exit 0 at th.piu.demo trust show # what came over the wire was saved
expect_out '^th +valid +1 +3 '
stop live
expect_same "exit" 0 "$code"

step "what cannot be is said"
expect_exit 64 at th.blo.demo feed --format cap
expect_err 'not there yet'
expect_exit 64 at th.blo.demo feed 'no spaces'
expect_exit 64 at th.blo.demo feed --kind ROUT
expect_err 'did you mean ROUTE'
expect_exit 64 at th.blo.demo feed --near 91,0,5
expect_exit 64 at th.blo.demo feed --bbox 1,2,3
expect_exit 0 liaison sandbox down "$NET"
expect_exit 69 at th.blo.demo feed --until-end
expect_err 'no broker answers'

finish
