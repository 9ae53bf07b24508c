#!/usr/bin/env bash
# What an office has: its inbox, one alert in full, why somebody may see it, its feeds.
. "$(dirname "$0")/lib.sh"
net_up KH,TH,VN
EX=$ROOT/config/examples
for name in route-road vehicle-stolen vessel smuggling-incident document-lost; do
	expect_exit 0 at kh.blo.demo publish "$EX/$name.json"
done
a_route "Drill" | sed 's/^{/{"status":"EXERCISE",/' | at kh.blo.demo publish - >/dev/null
expect_exit 0 at th.blo.demo feed all --status ACTUAL,EXERCISE --until-end -q

step "the inbox lists what was received, in the reader's language, and filters it"
expect_exit 0 at th.blo.demo inbox
expect_out '^SENT +LEVEL +KIND +ALERT +STATE +HEADLINE$'
expect_out 'AMBER +ROUTE +kh.blo.demo/1 +เกล็ดนิ่ม'
expect_out 'AMBER +VEHICLE +kh.blo.demo/2 +Stolen pick-up'
expect_no_out 'Drill'
expect_exit 0 at th.blo.demo inbox --kind VESSEL,ROUTE --json
expect_lines 2 "$TMP/out" '^\{"type":"delivery".*"alert":\{.*\},"receivedAt":"[^"]*"\}$'
expect_exit 0 at th.blo.demo inbox --status EXERCISE
expect_out '\[EXERCISE\] Drill'
expect_exit 0 at th.blo.demo inbox --limit 1
expect_lines 2 "$TMP/out"
expect_exit 0 at vn.nrm.demo inbox
expect_err 'liaison feed'

step "one alert in full, verified once more"
expect_exit 0 at th.blo.demo show kh.blo.demo/1
expect_out '^kh.blo.demo/1  ROUTE  AMBER'
expect_out '^crime +WILDLIFE$'
expect_out '^  legs +from \(name Phnom Penh'
expect_out '^verified +signed by kh.blo.demo$'
expect_out '^log +record [0-9]+ of kh.broker'
expect_exit 0 at kh.blo.demo show kh.blo.demo/1 # its own, from the outbox
expect_out '^outbox +accepted by kh.broker'
expect_exit 0 at th.blo.demo show kh.blo.demo/1 --json
expect_out '^\{"type":"delivery".*"verified":true,"alert":\{.*"id":"kh.blo.demo/1"'
expect_exit 65 at th.blo.demo show kh.blo.demo/99
expect_exit 64 at th.blo.demo show kh.blo.demo

step "rule by rule, who may see it"
expect_exit 0 at th.blo.demo explain kh.blo.demo/1
expect_out '^th.blo.demo may see kh.blo.demo/1$'
a_route "For Viet Nam" '{"level":"AMBER","countries":["VN"]}' | at kh.blo.demo publish - >/dev/null
expect_exit 1 at kh.blo.demo explain kh.blo.demo/7 --office th.blo.demo
expect_out '^  NO +not-addressed '
expect_exit 0 at kh.blo.demo explain kh.blo.demo/7 --office vn.blo.demo --json
expect_out '"rules":\[\{"rule":"no-roster","holds":true.*"may":true'
expect_exit 1 at kh.blo.demo explain kh.blo.demo/7 --office vn.blo.dem0
expect_err 'did you mean vn.blo.demo'

step "what a code means"
expect_exit 0 at kh.blo.demo explain --code not-addressed
expect_exit 0 at kh.blo.demo explain --code discreet_check
expect_out '^DISCREET_CHECK \(action\): '
expect_exit 64 at kh.blo.demo explain --code vesel
expect_err 'did you mean `VESSEL`'

step "feeds are listed, moved and forgotten"
expect_exit 0 at th.blo.demo feeds ls --json
expect_lines 1 "$TMP/out" '^\{"feed":"all","broker":"kh.broker","filter":\{"statuses":\["ACTUAL","EXERCISE"\]\}'
expect_exit 0 at th.blo.demo feeds info all
expect_out '^filter +--status ACTUAL,EXERCISE$'
expect_exit 0 at th.blo.demo feeds seek all start
expect_exit 0 at th.blo.demo feed all --until-end --json
expect_lines 6 "$TMP/out" '"type":"delivery"'
expect_exit 0 at th.blo.demo feeds seek all end
expect_exit 0 at th.blo.demo feed all --until-end --json
expect_lines 0 "$TMP/out" '"type":"delivery"'
expect_exit 0 at th.blo.demo feeds rm all
expect_exit 0 at th.blo.demo feeds ls --json
expect_lines 0 "$TMP/out"
expect_exit 77 at th.blo.demo feeds info all
expect_exit 77 at th.blo.demo feeds rm all
expect_exit 0 at th.blo.demo inbox --json # the inbox stays
expect_lines 5 "$TMP/out"

step "a feed that is read now is told when its cursor is moved"
start live liaison --home "$NET/th.blo.demo" feed moved --json
wait_until 10 has_line "$TMP/live.out" '"atEnd":true'
expect_lines 5 "$TMP/live.out" '"type":"delivery"'
expect_exit 0 at th.blo.demo feeds seek moved start
wait_until 10 has_line "$TMP/live.err" 'begins the feed anew'
shown_again() { [ "$(grep -c '"type":"delivery"' "$TMP/live.out")" -eq 10 ]; }
wait_until 10 shown_again
stop live
expect_same "exit" 0 "$code"

finish
