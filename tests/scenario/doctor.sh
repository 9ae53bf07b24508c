#!/usr/bin/env bash
# The doctor finds what is wrong with a home, says what to do, and is right about what is in order.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
home=$NET/kh.blo.demo
finds() { # finds STATE CHECK PATTERN EXIT [ENVIRONMENT...]: one finding of `doctor --json`
	local state=$1 name=$2 pattern=$3 wanted=$4
	shift 4
	expect_exit "$wanted" env "$@" liaison --home "$home" doctor --json
	expect_out "^\{\"check\":\"$name\",\"state\":\"$state\",\"what\":\".*$pattern"
}

step "a home that works is in order"
expect_exit 0 liaison --home "$home" doctor
expect_err 'all is in order'
expect_no_out 'warning|FAILED'

step "clocks"
finds failed clock 'ahead of' 1 LIAISON_TEST_CLOCK_OFFSET_MS=600000
finds failed clock 'behind' 1 LIAISON_TEST_CLOCK_OFFSET_MS=-600000
finds warning clock 'ahead of' 0 LIAISON_TEST_CLOCK_OFFSET_MS=200000
finds failed clock 'It says 20.* papers that are here were issued at' 1 LIAISON_TEST_CLOCK_OFFSET_MS=-63072000000

step "what expires is told at 30, 14, 7 and 1 days, and when it is over"
day=86400000
for days in 30 14 7 1; do
	expect_exit 0 env LIAISON_TEST_CLOCK_OFFSET_MS=$(((365 - days) * day + 60000)) liaison --home "$home" doctor --offline
	expect_out "^warning expiry +The roster of kh expires at .*, in $days days? or less"
	expect_out '-> its authority must sign the next one'
done
expect_exit 0 env LIAISON_TEST_CLOCK_OFFSET_MS=$((334 * day)) liaison --home "$home" doctor --offline
expect_no_out 'warning'
expect_exit 1 env LIAISON_TEST_CLOCK_OFFSET_MS=$((366 * day)) liaison --home "$home" doctor --offline
expect_out 'FAILED  expiry +The roster of kh expired .*grace'

step "keys that others could read"
chmod 644 "$home/office.key"
finds failed keys 'office.key' 1
chmod 600 "$home/office.key"
mv "$home/office.key" kept.key
finds failed keys 'There is no' 1
cp "$NET/kh.atu.demo/office.key" "$home/office.key"
finds failed keys 'the keys of kh.atu.demo' 1
mv kept.key "$home/office.key"

step "a broker that is another"
cp "$home/office.conf" kept.conf
sed 's/key = "[0-9a-f]*"/key = "'"$(printf '7%.0s' {1..64})"'"/' kept.conf >"$home/office.conf"
finds failed broker "nobody's on the rosters" 1
cp kept.conf "$home/office.conf"

step "a broker that is away, and what waits for it"
liaison sandbox down "$NET" -q
a_route "While the broker is away" >route.json
expect_exit 75 liaison --home "$home" publish --wait 1 route.json
finds failed line 'no broker answers' 1
finds warning outbox '1 alert is waiting' 1
finds failed outbox 'the oldest for' 1 LIAISON_TEST_CLOCK_OFFSET_MS=7200000
expect_exit 0 liaison --home "$home" doctor --offline

step "a damaged post.db"
cp "$home/post.db" kept.db
printf 'damage' | dd of="$home/post.db" bs=1 seek=40 conv=notrunc status=none
dd if=/dev/urandom of="$home/post.db" bs=4096 seek=2 count=2 conv=notrunc status=none
finds failed post.db '' 1
cp kept.db "$home/post.db"

step "a home that is none"
home=$TMP/none
finds failed home 'no office' 1

finish
