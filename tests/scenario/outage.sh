#!/usr/bin/env bash
# Brokers and agents are killed while offices publish. What was answered with a receipt is there, what was answered with 75
# waits and is sent later, and no reader is given anything twice: neither the one that was there all the time, nor one that
# comes afterwards.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
RANDOM=${SEED:-$$}

headlines() { sed -n 's/.*"type":"delivery".*"headline":"\([^"]*\)".*/\1/p' "$1" | sort; }
a_moment() { sleep "0.$((RANDOM % 300 + 100))"; }

# publish_many OFFICE COUNT: one call for each; "CODE HEADLINE" a line in OFFICE.codes
publish_many() {
	local n
	for ((n = 1; n <= $2; n++)); do
		a_route "$1-$n" >"$1.json"
		at "$1" publish --wait 2 "$1.json" >>"$1.told" 2>&1
		echo "$? $1-$n" >>"$1.codes"
	done
}

step "a reader is there before anything happens"
start reader liaison --home "$NET/th.blo.demo" feed --json
wait_until 10 has_line reader.out '"atEnd":true'

step "three offices publish while the broker is killed again and again"
offices="kh.blo.demo kh.atu.demo kh.piu.demo"
for office in $offices; do
	: >"$office.codes"
	start "$office" publish_many "$office" 15
done
all_done() { [ "$(cat ./*.codes | wc -l)" -eq 45 ]; }
kills=0
until all_done || [ $kills -ge 8 ]; do
	a_moment
	kill_broker
	kills=$((kills + 1))
	a_moment
	liaison sandbox up "$NET" >up.out 2>&1 || fail "the sandbox did not come up: $(cat up.out)"
done
for office in $offices; do await "$office" 60; done
check "it was killed while they published" test $kills -gt 0
expect_lines 45 <(cat ./*.codes)
expect_same "codes other than 0 and 75" "" "$(cut -d ' ' -f 1 ./*.codes | grep -vx -e 0 -e 75 | sort -u)"
for office in $offices; do
	expect_exit 0 at "$office" outbox retry
	expect_exit 0 at "$office" outbox ls --json
	expect_same "what waits at $office" "" "$out"
done

step "everything is there, and once"
cut -d ' ' -f 2 ./*.codes | sort >wanted
complete() { [ "$(headlines reader.out | sort -u | wc -l)" -ge 45 ]; }
wait_until 20 complete
expect_same "what the reader was given" "$(cat wanted)" "$(headlines reader.out)"
expect_exit 0 at th.atu.demo feed --until-end --json
expect_same "what a later reader is given" "$(cat wanted)" "$(headlines out)"
expect_lines 45 "$TMP/out" '"verified":true'
expect_exit 0 at th.blo.demo verify
expect_out '^45 of 45 alerts that this office received stand in that log'
for office in $offices; do
	expect_exit 0 at "$office" verify
	expect_out '^15 of 15 alerts that this office published stand in that log'
done

step "agents are killed while they publish"
: >told
for n in {1..20}; do
	a_route "killed-$n" >killed.json
	start one liaison --home "$NET/kh.ncc.demo" publish --json killed.json
	sleep "0.0$((RANDOM % 90 + 10))"
	stop one KILL
	cat one.out >>told
done
expect_exit 0 at kh.ncc.demo outbox retry
expect_exit 0 at th.atu.demo feed --until-end --json
headlines out >later
expect_same "given twice" "" "$(uniq -d later)"
ids=$(sed -n 's/.*"id":"\([^"]*\)","accepted":true.*/\1/p' told)
for id in $ids; do check "$id had its receipt" grep -q "\"id\":\"$id\"" out; done
echo "# $(wc -l <later) of 20 were stored before the kill, $(wc -w <<<"$ids") had told of a receipt"

step "the reader is killed, too, and misses nothing and sees nothing twice"
cp reader.out before.out
stop reader KILL
expect_exit 0 at th.blo.demo feed --until-end --json
expect_same "all that both were given" "$(cat wanted later | sort)" "$(cat before.out out | headlines /dev/stdin)"

step "a home that is put back from an older copy goes on above its numbers, and is given again what it has lost"
put_back() { rm -rf "${NET:?}/$1" && cp -a "$1.copy" "$NET/$1"; }
cp -a "$NET/kh.blo.demo" kh.blo.demo.copy
cp -a "$NET/th.blo.demo" th.blo.demo.copy
for n in 1 2 3; do a_route "before-$n" | at kh.blo.demo publish - -q >/dev/null; done
expect_exit 0 at th.blo.demo feed --until-end --json
expect_same "what was lost" "before-1 before-2 before-3" "$(headlines out | xargs)"
put_back kh.blo.demo
put_back th.blo.demo
a_route "after" >after.json
expect_exit 0 at kh.blo.demo publish after.json
expect_exit 0 at th.blo.demo feed --until-end --json
expect_same "what is given" "after before-1 before-2 before-3" "$(headlines out | xargs)"
expect_exit 0 at th.blo.demo feed --until-end --json
expect_same "what is given then" "" "$(headlines out)"
expect_exit 0 at kh.blo.demo verify
expect_exit 0 at th.blo.demo verify

step "what waits can be taken back; then it is never sent"
expect_exit 0 liaison sandbox down "$NET" -q
a_route "taken-back" >back.json
expect_exit 75 at kh.blo.demo publish --wait 0 back.json
expect_exit 0 at kh.blo.demo outbox ls
expect_out 'kh.blo.demo/[0-9]+ '
expect_exit 0 at kh.blo.demo outbox drop "$(grep -o 'kh.blo.demo/[0-9]*' "$TMP/out")"
expect_exit 69 at th.blo.demo feed --until-end
expect_exit 0 liaison sandbox up "$NET" -q
expect_exit 0 at kh.blo.demo outbox retry
expect_exit 0 at th.blo.demo feed --until-end --json
expect_no_out 'taken-back'

finish
