#!/usr/bin/env bash
# A sandbox is made, said, stopped, started again with all that it had, and never where it should not be.
. "$(dirname "$0")/lib.sh"
NET=$TMP/net

step "up makes all and returns when the broker takes connections"
expect_exit 0 liaison sandbox up "$NET" --countries KH,TH
expect_out 'kh.broker runs as process [0-9]+ at tcp://127.0.0.1:[0-9]+'
endpoint=$(grep -oE 'tcp://[0-9.:]+' "$TMP/out")
for office in {kh,th}.{blo,atu,piu,ncc,nrm}.demo; do
	check "$office has a home with keys" test -f "$NET/$office/office.key"
done
a_route "Before" >"$TMP/route.json"
expect_exit 0 at kh.blo.demo publish "$TMP/route.json"
expect_out '^kh.blo.demo/1 accepted'

step "status says what runs, in JSON too"
expect_exit 0 liaison sandbox status "$NET" --json
expect_lines 1 "$TMP/out"
expect_out "^\{\"network\":\"sandbox-[0-9a-f]{8}\",\"brokers\":\[\{\"id\":\"kh.broker\",\"endpoint\":\"$endpoint\",\"pid\":$(broker_pid),"
expect_out "\"offices\":\[\{\"id\":\"kh.blo.demo\",\"home\":\"$NET/kh.blo.demo\"\}"

step "a second up changes nothing"
pid=$(broker_pid)
expect_exit 0 liaison sandbox up "$NET"
expect_same "process" "$pid" "$(broker_pid)"
expect_exit 64 liaison sandbox up "$NET" --countries KH,LA
expect_err 'other countries'

step "a killed broker is found down, and started again where it was"
kill -KILL "$pid"
wait_until 10 is_gone "$pid"
expect_exit 1 liaison sandbox status "$NET"
expect_exit 0 liaison sandbox up "$NET"
expect_out "at $endpoint"
expect_exit 0 at kh.blo.demo publish "$TMP/route.json"
expect_out '^kh.blo.demo/2 accepted'

step "a number that another process has taken over is never signalled"
expect_exit 0 liaison sandbox down "$NET"
expect_exit 0 liaison sandbox down "$NET"
start other sleep 300
echo "${pids[other]} 1" >"$NET/kh.broker/pid"
expect_exit 1 liaison sandbox status "$NET"
expect_exit 0 liaison sandbox down "$NET"
check "the other process still runs" kill -0 "${pids[other]}"
stop other

step "what went wrong is said in a sentence"
expect_exit 64 liaison sandbox up "$TMP" # holds other things
expect_err 'holds other things'
expect_exit 64 liaison sandbox up "$TMP/other" --countries KH,Q
expect_err '`Q` is no country'
check "nothing is left of it" test ! -e "$TMP/other"
expect_exit 74 liaison sandbox up "$TMP/no/such/place"
expect_exit 64 liaison sandbox up

step "what an interrupted up has left is made anew"
mkdir "$TMP/half" "$TMP/half/authority"
touch "$TMP/half/sandbox.making" "$TMP/half/authority/root-1.key"
expect_exit 0 liaison sandbox up "$TMP/half" --countries VN
expect_exit 0 liaison sandbox down "$TMP/half" --wipe
check "the folder is gone" test ! -e "$TMP/half"
check "nothing else is" test -f "$NET/sandbox.conf"

finish
