#!/usr/bin/env bash
# A bulk load is a real job: lost travel documents, one a line. It shows progress on a terminal, is killed and goes on, loses
# its broker and goes on, reports what is refused by line, signs in batches; and a reader has every document exactly once.
#
#   LIAISON_BULK=1000000   how many documents (20,000); with more than 200,000 set SECONDS_MAX for run.sh, too
. "$(dirname "$0")/lib.sh"
total=${LIAISON_BULK:-20000}
net_up KH,TH
cd "$TMP"

# Line n is document N<n>. One line in 5,000 has a key that is not known, one a foreign issuer.
awk -v total="$total" 'BEGIN {
	for (n = 1; n <= total; n++) {
		printf "{\"kind\":\"DOCUMENT\",\"crime\":[\"DOCUMENT_FRAUD\"],\"urgency\":\"FUTURE\",\"severity\":\"MINOR\",\"certainty\":\"OBSERVED\","
		printf "\"source\":\"A\",\"information\":\"1\",\"action\":[\"SEIZE\"],"
		printf "\"subjects\":[{\"document\":{\"issuer\":\"%s\",\"type\":\"PASSPORT\",\"number\":\"N%08d\",\"state\":\"LOST\"}}],", \
			n % 5000 == 1234 ? "TH" : "KH", n
		printf "\"handling\":{\"level\":\"GREEN\",\"countries\":[\"TH\"]}%s}\n", n % 5000 == 17 ? ",\"colour\":\"red\"" : ""
	}
}' >documents.jsonl
awk -v total="$total" 'BEGIN { for (n = 1; n <= total; n++) if (n % 5000 != 17 && n % 5000 != 1234) printf "N%08d\n", n }' >wanted
awk -v total="$total" 'BEGIN { for (n = 1; n <= total; n++) if (n % 5000 == 17) print n, "65"; else if (n % 5000 == 1234) print n, "77" }' >wanted_bad
good=$(grep -c . wanted)

rss_kb() { sed -n 's/^VmHWM:[ \t]*\([0-9]*\) kB/\1/p' "/proc/$1/status" 2>/dev/null; } # rss_kb PID: the most it ever had

peak=0 # of the agents, in KiB
accepted_by() { grep -c '"accepted":true' "$TMP/$1.out"; }
load() { # load NAME: begins, or goes on with, the whole load
	: >"$TMP/$1.out"
	start "$1" liaison --home "$NET/kh.blo.demo" publish --json documents.jsonl
}
watch_until() { # watch_until NAME LINES: until it has told of so many receipts, or has ended
	local now
	while ! is_gone "${pids[$1]}" && [ "$(accepted_by "$1")" -lt "$2" ]; do
		now=$(rss_kb "${pids[$1]}")
		[ "${now:-0}" -le "$peak" ] || peak=$now
		sleep 0.05
	done
}

step "the agent is killed in the middle"
began=$(date +%s%N)
load first
watch_until first $((total / 4))
early=$peak
check "it was still on its way" kill -KILL "${pids[first]}"
stop first KILL
first=$(accepted_by first)

step "the broker is killed in the middle, and the agent told to end"
load second
watch_until second $((total / 5))
kill_broker
kill -TERM "${pids[second]}" 2>/dev/null # on a fast machine it may be through already
await second 20
expect_exit 0 liaison sandbox up "$NET"

step "the broker is killed in the middle, and comes back while the agent waits"
load third
watch_until third $((total / 5))
kill_broker
# It may have ended with 75 by now: whether it waited or not, nothing may be lost or doubled.
expect_exit 0 liaison sandbox up "$NET"
watch_until third "$good"
await third $((60 + total / 500))
# Where the broker came back too late for this call, the same command again ends it.
if at kh.blo.demo outbox ls --json | grep -q '"state":"QUEUED"'; then
	load fourth
	await fourth $((60 + total / 500))
fi
expect_same "exit, where all is settled and some lines were refused" 77 "$code"
loaded=$(date +%s%N)
expect_exit 0 at kh.blo.demo outbox ls --json
expect_lines 0 "$TMP/out" '"state":"QUEUED"'

step "one signature was made for as many as it may cover"
batches=$(sql "$NET/kh.blo.demo/post.db" 'SELECT count(*) FROM batch')
check "$batches signatures for $good alerts" test "$batches" -le $((good / 1000 + 6)) # a run ends and begins with part of one
expect_same "most alerts of a signature" 1024 "$(sql "$NET/kh.blo.demo/post.db" 'SELECT max(leaf_count) FROM batch')"
expect_same "alerts of all signatures" "$good" "$(sql "$NET/kh.blo.demo/post.db" 'SELECT sum(leaf_count) FROM batch')"

step "what was refused was told, once or more, by its line"
sed -n 's/^liaison: documents.jsonl:\([0-9]*\):[0-9]*: colour: unknown key.*/\1 65/p
	s/^liaison: documents.jsonl:\([0-9]*\): bad-identifier: subjects\[0\].document.issuer.*/\1 77/p' ./*.err |
	sort -n -u >bad
expect_same "lines refused" "$(cat wanted_bad)" "$(cat bad)"

step "a reader has every document exactly once"
expect_exit 0 at th.blo.demo feed documents --until-end --json
read=$(date +%s%N)
expect_lines "$good" "$TMP/out" '"type":"delivery".*"verified":true'
sed -n 's/.*"type":"delivery".*"number":"\(N[0-9]*\)".*/\1/p' "$TMP/out" | sort >got
check "the same documents, each once" cmp -s wanted got
sed -n 's/.*"type":"delivery".*"alert":{[^}]*"id":"\([^"]*\)".*/\1/p' "$TMP/out" | sort | uniq -d >twice
expect_lines 0 twice
expect_exit 0 at th.blo.demo verify
expect_out "^$good of $good alerts that this office received stand in that log"

step "memory stays flat"
broker=$(rss_kb "$(broker_pid)")
check "the agent's $peak KiB (a quarter of the way: $early)" test "$peak" -lt $((early + 32768))
is_sanitized || check "the broker's $broker KiB" test "$broker" -lt $((131072 + total / 4))

step "progress is shown on a terminal, and nowhere else"
expect_no_progress() { if grep -q $'\r' "$1"; then fail "progress in $1"; else pass; fi; }
expect_no_progress third.err
expect_no_progress third.out
head -n 3000 documents.jsonl | sed 's/"number":"N/"number":"P/' >more.jsonl
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	script -qec "liaison --home '$NET/kh.blo.demo' publish more.jsonl" screen </dev/null >/dev/null 2>&1
	check "how far it is" grep -qE $'^\r\033\\[Kmore.jsonl: [0-9]+, [0-9]+/s, [0-9]+% of the file, [0-9]+ accepted, [0-9]+ refused' screen
	check "a message in between stands on a line of its own" grep -qE $'\r\033\\[Kliaison: more.jsonl:1234: bad-identifier' screen
else
	echo "SKIPPED: the screen of a load needs a terminal (is /dev/pts there?)"
fi

printf '# %s: %d documents: loaded in %d s (killed twice), read and verified in %d s, agent %d MiB, broker %d MiB, log %d MiB\n' \
	"$SCENARIO" "$good" $(((loaded - began) / 1000000000)) $(((read - loaded) / 1000000000)) $((peak / 1024)) $((broker / 1024)) \
	"$(du -sm "$NET/kh.broker/data" | cut -f 1)"
finish
