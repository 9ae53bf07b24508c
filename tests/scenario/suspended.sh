#!/usr/bin/env bash
# An office is suspended while its programs are at work: within a second its sessions are shut, what was queued for it is not
# given, nothing of it is taken, and it does not come in again; by the roster, and at night by the duty key.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
log=$NET/kh.broker/log.txt
for n in {1..20}; do a_route "Number $n"; done >many.jsonl
expect_exit 0 at kh.blo.demo publish -q many.jsonl

ms_of() { date -d "$(sed -n "s/^time=\([^ ]*\) .*$1.*/\1/p" "$log" | tail -n 1)" +%s%3N; } # ms_of EVENT: of the last such line

# watch_out HOW COMMAND...: with a live reader and a slow one, COMMAND suspends th.blo.demo
watch_out() {
	local how=$1 late
	shift
	: >"$how.taken"
	start live liaison --home "$NET/th.blo.demo" feed live --from new --json
	start slow liaison --home "$NET/th.blo.demo" feed "$how" --exec "cat >>'$TMP/$how.taken'; sleep 0.2"
	wait_until 10 has_line live.out '"type":"progress"'
	wait_until 10 test -s "$how.taken"
	expect_exit 0 "$@"
	wait_until 5 has_line live.err 'withdrawn'
	wait_until 5 has_line slow.err 'withdrawn'
	late=$(($(ms_of 'event=session-shut office=th.blo.demo') - $(ms_of "event=[a-z]*-adopted")))
	check "shut $late ms after the broker had taken the word" test "$late" -lt 1000
	a_route "While suspended by $how" >while.json
	expect_exit 0 at kh.blo.demo publish while.json
	expect_exit 77 at th.blo.demo feed live --until-end --json
	expect_no_out 'While suspended'
	expect_exit 77 at th.blo.demo publish --wait 2 while.json
	expect_exit 0 at th.atu.demo feed "$how" --until-end --json
	expect_out "While suspended by $how"
	expect_exit 1 at kh.blo.demo explain --office th.blo.demo kh.blo.demo/1
	expect_out 'NO +suspended'
	check "what was queued was not given: $(grep -c . "$how.taken") of 20" test "$(grep -c . "$how.taken")" -lt 20
	expect_lines 0 live.out 'While suspended'
	check "the readers wait for the end of it" kill -0 "${pids[live]}" "${pids[slow]}"
}
# back: by the roster, after whatever suspended it; then it gets what it missed
back() {
	cp "$NET/trust/th.roster" th.next
	expect_exit 0 liaison roster "$@" --trust "$NET/trust" th.next
	expect_exit 0 liaison roster sign --key "$NET/authority/th-authority.key" th.next
	expect_exit 0 at th.ncc.demo roster push th.next
	cp th.next "$NET/trust/th.roster"
}

step "by the roster"
cp "$NET/trust/th.roster" th.next
expect_exit 0 liaison roster suspend --trust "$NET/trust" --reason 'laptop lost' th.blo.demo th.next
expect_exit 0 liaison roster sign --key "$NET/authority/th-authority.key" th.next
watch_out roster at th.ncc.demo roster push th.next
cp th.next "$NET/trust/th.roster"
back resume th.blo.demo
wait_until 20 has_line live.out 'While suspended by roster'
all_taken() { [ "$(grep -c . roster.taken)" -ge 21 ]; }
wait_until 30 all_taken
stop live
stop slow
expect_same "given to the slow reader twice" "" "$(grep -o '"id":"[^"]*"' roster.taken | sort | uniq -d)"

step "at night, by the duty key"
expect_exit 0 liaison --home "$NET/th.ncc.demo" roster suspend --duty "$NET/authority/th-duty.key" --hours 2 --reason 'post unreachable' \
	--out night.suspension th.blo.demo
watch_out duty at th.ncc.demo roster push night.suspension
stop live
stop slow

finish
