#!/usr/bin/env bash
# A machine that is not as it should be: disks that are full, folders that are gone, a port that is taken, clocks that are
# years off. Each is said, in a sentence with what to do; the program ends or takes nothing more; and nothing that was
# acknowledged is lost.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
broker=$NET/kh.broker
conf=$broker/liaisond.conf
day=86400000
for_thailand='{"level":"AMBER","countries":["TH"]}'
down() { liaison sandbox down "$NET" -q; }
up() { expect_exit 0 liaison sandbox up "$NET" -q; }
publish() { # publish EXIT HEADLINE [OPTION...]
	local wanted=$1
	a_route "$2" "$for_thailand" >"publish.json"
	shift 2
	expect_exit "$wanted" at kh.blo.demo publish --wait 3 --restart "$@" publish.json
}
reader=th.atu.demo
all_there() { # all_there COUNT: a new feed of $reader is given so many alerts
	run at "$reader" feed "check$RANDOM" --from start --until-end --json
	expect_lines "$1" "$TMP/out" '"type":"delivery"'
}

step "before anything happens, one alert"
publish 0 "the first"
all_there 1

step "less free than the floor: nothing new is taken, what is there is given, and the alert waits"
down
cp "$conf" kept.conf
echo 'disk_floor_bytes = "60 TiB";' >>"$conf"
up
wait_until 10 has_line "$broker/log.txt" 'event=storage-full'
publish 75 "while the disk was at its floor"
expect_err 'storage-full: .*operator must make room'
run at th.blo.demo feed main --until-end --json
expect_lines 1 "$TMP/out" '"type":"delivery"'
down
cp kept.conf "$conf"
up
expect_exit 0 at kh.blo.demo outbox retry
expect_out 'accepted'
all_there 2

mounted=""
unmount() { [ -z "$mounted" ] || umount "$mounted"; }
trap 'unmount; abandon' EXIT
mkdir small
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=24m none small 2>/dev/null; then
	mounted=$TMP/small

	step "a disk that runs full under a load: what was acknowledged is all there, the rest waits and is sent later"
	down
	reader=th.piu.demo # this is another log: only who has not seen the first is asked
	sed "s|^data_dir = .*|data_dir = \"$TMP/small/data\"; segment_bytes = \"1 MiB\"; disk_floor_bytes = 0;|" kept.conf >"$conf"
	up
	text=$(head -c 3500 /dev/zero | tr '\0' x)
	for ((n = 1; n <= 7000; n++)); do
		printf '{"kind":"MODUS_OPERANDI","crime":["OTHER"],"urgency":"EXPECTED","severity":"SEVERE","certainty":"LIKELY","source":"B",'
		printf '"information":"2","texts":[{"lang":"en","headline":"n%d","description":"%s"}],"handling":%s}\n' "$n" "$text" "$for_thailand"
	done >load.jsonl
	run liaison --home "$NET/kh.atu.demo" publish --wait 5 --json load.jsonl
	expect_same "exit of the load" 75 "$code"
	expect_err 'storage-full'
	accepted=$(grep -c '"accepted":true' "$TMP/out")
	check "some were taken before it was full ($accepted)" test "$accepted" -gt 1000
	check "some were not" test "$accepted" -lt 7000
	all_there "$accepted"
	dd if=/dev/zero of=small/fill bs=4096 status=none 2>/dev/null
	run at $reader feed "new" --until-end
	check "a feed that cannot be written is refused, and why: $err" grep -q 'disk is full' "$TMP/err"

	step "it is killed while the disk is full, and starts again with all that it had"
	kill_broker
	rm small/fill
	dd if=/dev/zero of=small/fill bs=4096 count=10 status=none
	up
	all_there "$accepted"

	step "with room again, the rest goes through, each once"
	rm small/fill
	mount -o remount,size=64m small
	wait_until 10 has_line "$broker/log.txt" 'event=storage-has-room|event=ready'
	expect_exit 0 at kh.atu.demo outbox retry
	all_there 7000
	expect_same "different alerts" 7000 "$(grep -o '"headline":"n[0-9]*"' "$TMP/out" | sort -u | wc -l)"
	down
	expect_exit 0 liaisond -c "$conf" --verify
	expect_out '^whole: '
	cp kept.conf "$conf"
	reader=th.atu.demo
	up

	step "the disk of an office is full: said, and the alert is not half there"
	cp -r "$NET/kh.piu.demo" small/home
	dd if=/dev/zero of=small/fill bs=4096 status=none 2>/dev/null
	a_route "from a full disk" "$for_thailand" >full.json
	run liaison --home small/home publish full.json
	expect_same "exit" 74 "$code"
	expect_err 'disk is full|No space left'
	rm small/fill
	expect_exit 0 liaison --home small/home publish full.json
	all_there 3
	umount "$mounted"
	mounted=""
else
	echo "SKIPPED: the steps with a small disk need root and mount"
fi

step "folders that are gone"
down
mv "$broker/data" kept.data
expect_exit 0 liaisond -c "$conf" --check-config # it is made anew where there never was one
mv kept.data "$broker/data"
mv "$broker/data/log" kept.log
expect_exit 65 liaisond -c "$conf"
expect_err 'holds no log, but this broker had one of [0-9]+ records: restore the folder'
mv kept.log "$broker/data/log"
mv "$broker/trust" kept.trust
expect_exit 78 liaisond -c "$conf"
expect_err 'trust_dir: .*make it and put root\.keys'
mv kept.trust "$broker/trust"
sed 's|^data_dir = .*|data_dir = "no/such/data";|' kept.conf >"$conf"
expect_exit 78 liaisond -c "$conf"
expect_err 'data_dir: .*no'
cp kept.conf "$conf"
mv "$broker/data" kept.data
touch "$broker/data"
expect_exit 78 liaisond -c "$conf"
expect_err 'data is not a folder'
rm "$broker/data"
mv kept.data "$broker/data"
expect_exit 78 liaison --home "$TMP/nowhere" publish publish.json
expect_err 'is no office.s home'
mv "$NET/kh.nrm.demo/trust" kept.trust
expect_exit 78 at kh.nrm.demo publish publish.json
expect_err 'trust'
mv kept.trust "$NET/kh.nrm.demo/trust"

step "a port that is taken, by a stranger and by a broker"
port=$(grep -oE '127\.0\.0\.1:[0-9]+' "$conf")
up
sed "s|^data_dir = .*|data_dir = \"$TMP/second\";|" kept.conf >"$broker/second.conf"
expect_exit 74 liaisond -c "$broker/second.conf"
expect_err "tcp://$port.*in use"
rm "$broker/second.conf"
publish 0 "beside the second"

step "clocks years off: an office's"
a_route "of another time" "$for_thailand" >other.json
export LIAISON_TEST_CLOCK_OFFSET_MS=$((-3 * 365 * day))
expect_exit 78 at kh.piu.demo publish --wait 3 other.json
expect_err "this computer's clock says 20.*, but the roster of kh was issued at 20.*: set the clock"
expect_exit 78 at th.blo.demo feed main --until-end --json
expect_err "this computer's clock says 20.*, but the roster of th was issued"
for days in 3 1095; do
	export LIAISON_TEST_CLOCK_OFFSET_MS=$((days * day))
	expect_exit 78 at kh.piu.demo publish --wait 3 --restart other.json
	expect_err "this computer's clock is [0-9]+ days ahead of the broker's, so nothing is sent or taken; set it"
	expect_exit 78 at th.blo.demo feed main --until-end --json
	expect_err "this computer's clock is [0-9]+ days"
	expect_same "what was shown" "" "$out"
done
unset LIAISON_TEST_CLOCK_OFFSET_MS
expect_exit 0 at th.blo.demo feeds parked --json
expect_same "what was parked" "" "$out"
expect_exit 0 at kh.piu.demo outbox drop --all
run at th.blo.demo feed main --until-end --json
check "with the clock right again, what came meanwhile is given" grep -q 'beside the second' "$TMP/out"

step "clocks years off: a broker's"
down
LIAISON_TEST_CLOCK_OFFSET_MS=$((-3 * 365 * day)) expect_exit 78 liaisond -c "$conf"
expect_err "this computer's clock says 20.*, but the roster of kh was issued at 20.*: set the clock"
export LIAISON_TEST_CLOCK_OFFSET_MS=$((3 * 365 * day))
up
unset LIAISON_TEST_CLOCK_OFFSET_MS
wait_until 10 has_line "$broker/log.txt" 'event=expired what=roster name=kh '
publish 78 "to a broker of another time"
expect_err "this computer's clock is [0-9]* days behind the broker's"
LIAISON_TEST_CLOCK_OFFSET_MS=$((3 * 365 * day)) expect_exit 75 at kh.piu.demo publish --wait 2 other.json
expect_err 'roster-expired'
expect_exit 0 at kh.piu.demo outbox drop --all
down
up
expect_exit 0 at kh.blo.demo outbox retry
expect_out 'accepted'
run at th.blo.demo feed main --until-end --json
check "nothing of it was lost" grep -q 'to a broker of another time' "$TMP/out"

trap abandon EXIT
finish
