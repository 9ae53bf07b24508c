#!/usr/bin/env bash
# Publishing: one alert, many, bad ones; a broker that is away; a load that is killed; two programs on one home.
. "$(dirname "$0")/lib.sh"
net_up KH,TH,VN
cd "$TMP"
a_route "Pangolin scales" >route.json

documents() { # documents FIRST COUNT: as many lost passports, one a line
	local n
	for ((n = $1; n < $1 + $2; n++)); do
		printf '{"kind":"DOCUMENT","crime":["DOCUMENT_FRAUD"],"urgency":"PAST","severity":"MINOR","certainty":"OBSERVED","source":"A",'
		printf '"information":"1","subjects":[{"document":{"issuer":"KH","type":"PASSPORT","number":"N%07d","state":"LOST"}}],' "$n"
		printf '"handling":{"level":"AMBER","countries":["TH"]}}\n'
	done
}

load_reached() { # load_reached COUNT: so many alerts are in the outbox, or the load has ended
	[ "$(at kh.atu.demo outbox ls --all --json 2>/dev/null | wc -l)" -ge "$1" ] || is_gone "${pids[load]}"
}

field() { sed 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/' <<<"$2"; } # field NAME JSON

step "one alert: who will see it, and the receipt"
expect_exit 0 at kh.blo.demo publish --dry-run route.json
expect_out '14 offices in KH, TH and VN'
expect_exit 0 at kh.blo.demo outbox ls --all
expect_same "a dry run stores nothing" "" "$out"
expect_exit 0 at kh.blo.demo publish route.json
expect_out '^kh.blo.demo/1 accepted by kh.broker at index [0-9]+; seen by 14 offices in KH, TH and VN$'
expect_exit 0 at kh.blo.demo publish --json - <route.json
expect_out '^\{"id":"kh.blo.demo/2","accepted":true,"broker":"kh.broker","epoch":"[^"]+","index":[0-9]+,"treeSize":[0-9]+,"rootHash":"[^"]+"\}$'

step "bad lines are told by number, the good ones are sent"
{ documents 1 3; echo '{"kind":'; a_route "Ivory" '{"level":"RED"}'; documents 4 2; } >mixed.jsonl
expect_exit 77 at kh.blo.demo publish mixed.jsonl
expect_err 'mixed.jsonl:4:[0-9]+: '
expect_err 'mixed.jsonl:5: bad-handling: handling'
expect_out '^5 accepted, 2 refused, 0 waiting'

step "a load that goes on ends as it would have ended in one go, whichever of its lines were bad"
liaison sandbox down "$NET" -q
expect_exit 77 at kh.blo.demo publish --wait 0 mixed.jsonl --restart
liaison sandbox up "$NET" -q >up.out
expect_exit 77 at kh.blo.demo publish mixed.jsonl
expect_err '7 lines were taken in before: 5 alerts, of which 5 wait'
expect_out '^5 accepted'
{ documents 1 3; echo '{"kind":'; } >unread.jsonl
liaison sandbox down "$NET" -q
expect_exit 65 at kh.blo.demo publish --wait 0 unread.jsonl
liaison sandbox up "$NET" -q >up.out
expect_exit 65 at kh.blo.demo publish unread.jsonl

step "all or nothing"
expect_exit 77 at kh.blo.demo publish --all-or-nothing mixed.jsonl
expect_err 'nothing was sent: 2 of the alerts'
expect_exit 77 at kh.blo.demo publish --all-or-nothing - <mixed.jsonl
expect_exit 0 at kh.blo.demo publish --all-or-nothing - < <(documents 10 3)
expect_out '^3 accepted, 0 refused, 0 waiting'

step "what the agent fills, no author writes"
expect_exit 65 at kh.blo.demo publish - <<<'{"id":"kh.blo.demo/7","kind":"ROUTE"}'
expect_err 'standard input:1: id: leave it out'
expect_exit 65 at kh.blo.demo publish - <<<'{"message":"CANCEL"}'
expect_err 'liaison cancel'
expect_exit 74 at kh.blo.demo publish nothing-here.json

step "the rest of an alert's life: update, with a notice for who drops out, and cancel"
a_route "Pangolin scales, corrected" '{"level":"AMBER","countries":["TH"]}' >narrow.json
expect_exit 0 at kh.blo.demo update kh.blo.demo/1 narrow.json
expect_err 'SUPERSEDED'
expect_exit 0 at vn.blo.demo feed --until-end
expect_out 'SUPERSEDED +kh.blo.demo/1'
expect_no_out 'corrected'
expect_exit 0 at th.blo.demo feed --until-end
expect_out 'UPDATE of kh.blo.demo/1.*corrected'
expect_exit 0 at kh.blo.demo cancel kh.blo.demo/1 --reason FOUND
expect_exit 77 at kh.blo.demo update kh.blo.demo/1 narrow.json
expect_err 'cancelled'
expect_exit 77 at kh.blo.demo cancel th.blo.demo/1
expect_exit 77 at kh.blo.demo cancel kh.blo.demo/4000
expect_err 'has published nothing called'
expect_exit 64 at kh.blo.demo cancel kh.blo.demo/2 --reason FOND
expect_err 'did you mean FOUND'

step "an alert that was refused may be dropped"
expect_exit 0 at kh.blo.demo outbox ls
expect_out 'refused.*bad-reference'
expect_exit 0 at kh.blo.demo outbox drop --all
expect_exit 0 at kh.blo.demo outbox ls
expect_same "the outbox is empty" "" "$out"

step "the broker is away: 75, safe in the outbox, sent later, and once"
liaison sandbox down "$NET" -q
a_route "Sent later" >later.json
expect_exit 75 at kh.blo.demo publish --wait 1 --json later.json
expect_out '"queued":true'
waiting=$(field id "$out")
expect_exit 75 at kh.blo.demo publish --wait 1 --json later.json # the same file again is the same alert
expect_same "the alert that waits" "$waiting" "$(field id "$out")"
expect_exit 0 at kh.blo.demo outbox ls --json
expect_lines 1 "$TMP/out"
a_route "Sent with it" >later.json
expect_exit 75 at kh.blo.demo publish --wait 1 --json later.json # another alert under the same name
expect_out '"queued":true'
check "it is another" test "$(field id "$out")" != "$waiting"
expect_exit 0 at kh.blo.demo outbox ls --json
expect_lines 2 "$TMP/out"
liaison sandbox up "$NET" -q >up.out
expect_exit 0 at kh.blo.demo outbox retry
expect_out "^$waiting accepted"
expect_exit 0 at kh.blo.demo outbox retry
expect_err 'nothing waits'
expect_exit 0 at th.blo.demo feed again --until-end --json
expect_lines 1 "$TMP/out" '"type":"delivery".*Sent later'
expect_lines 1 "$TMP/out" '"type":"delivery".*Sent with it'

step "a load that is killed again and again ends complete, each line once"
documents 100000 12000 >many.jsonl
killed=0
for taken in 1 3000 6000; do # alerts in the outbox when it is killed, at least
	start load liaison --home "$NET/kh.atu.demo" publish many.jsonl
	wait_until 30 load_reached "$taken"
	stop load KILL
	[ "$code" -eq 137 ] || break # it was faster than its end
	killed=$((killed + 1))
done
check "it was killed at least once" test "$killed" -gt 0
if [ "$code" -eq 137 ]; then
	expect_exit 0 at kh.atu.demo publish many.jsonl
	expect_err 'lines were taken in before'
	expect_out ' 0 waiting in the outbox'
fi
expect_exit 0 at th.atu.demo feed --until-end --json --kind DOCUMENT --office kh.atu.demo
expect_lines 12000 "$TMP/out" '"type":"delivery"'
expect_same "different documents" 12000 "$(grep -o '"number":"N[0-9]*"' "$TMP/out" | sort -u | wc -l)"

step "a file that changed where it was taken in is not guessed at"
liaison sandbox down "$NET" -q
documents 200000 30 >changing.jsonl
expect_exit 75 at kh.atu.demo publish --wait 0 changing.jsonl
sed -i '3s/LOST/STOLEN/' changing.jsonl
expect_exit 65 at kh.atu.demo publish --wait 0 changing.jsonl
expect_err 'was changed in its first 30 lines.*--restart'
liaison sandbox up "$NET" -q >up.out
expect_exit 0 at kh.atu.demo outbox retry

step "a file that was sent whole is not sent again, unless that is asked for"
sent() { at kh.ncc.demo outbox ls --all --json | wc -l; }
documents 400000 5 >whole.jsonl
expect_exit 0 at kh.ncc.demo publish whole.jsonl
expect_exit 0 at kh.ncc.demo publish --json whole.jsonl
expect_same "told as accepted" "" "$out"
expect_err "whole.jsonl was published whole at 20[^ ]+: 5 alerts, of which 0 were refused.*nothing is sent.*--restart"
expect_same "alerts" 5 "$(sent)"
documents 400005 2 >>whole.jsonl
expect_exit 0 at kh.ncc.demo publish whole.jsonl
expect_out '^2 accepted, 0 refused'
expect_exit 0 at kh.ncc.demo publish whole.jsonl
expect_err ': 7 alerts, of which'
expect_same "alerts" 7 "$(sent)"
expect_exit 0 at kh.ncc.demo publish --restart whole.jsonl
expect_out '^7 accepted, 0 refused'
sed -i '3s/LOST/STOLEN/' whole.jsonl
expect_exit 0 at kh.ncc.demo publish whole.jsonl # as every new export under the old name
expect_err 'other content'
expect_out '^7 accepted, 0 refused'
expect_same "alerts" 21 "$(sent)"
sed 's/"KH"/"TH"/' whole.jsonl >foreign.jsonl
expect_exit 77 at kh.ncc.demo publish foreign.jsonl
expect_exit 77 at kh.ncc.demo publish foreign.jsonl # nothing of it was ever sent: it is looked at again
expect_err 'foreign.jsonl:7: bad-identifier'
{ documents 400100 2; echo '{"kind":'; } >partly.jsonl
expect_exit 65 at kh.ncc.demo publish partly.jsonl
expect_exit 65 at kh.ncc.demo publish partly.jsonl # the same question, the same answer
expect_err ': 2 alerts, of which 0 were refused, and 1 line that was no valid alert; nothing is sent'
a_route "Once more" >single.json
expect_exit 0 at kh.ncc.demo publish single.json
expect_exit 0 at kh.ncc.demo publish single.json
expect_err 'single.json was published at 20[^ ]+, too; this is a new alert'
expect_out 'accepted'

step "told to end, it reads and sends no more, keeps what it has, and says what waits"
has_queued() { # has_queued COUNT: so many alerts wait, or it has ended
	[ "$(at kh.ncc.demo outbox ls --json | wc -l)" -ge "$1" ] || is_gone "${pids[told]}"
}
liaison sandbox down "$NET" -q
a_route "Told to end" >told.json
start told liaison --home "$NET/kh.ncc.demo" publish --json --wait 600 told.json # there is no broker to wait for
wait_until 30 has_queued 1
stop told TERM
expect_same "exit" 75 "$code"
expect_lines 1 told.out '"queued":true'
check "it says so: $(cat told.err)" grep -q 'alert waits in the outbox.*: told to end$' told.err
documents 500000 6000 >told.jsonl
start told liaison --home "$NET/kh.ncc.demo" publish --wait 600 told.jsonl
wait_until 30 has_queued 1000
stop told INT
expect_same "exit in the middle of a file" 75 "$code"
check "it says so" grep -qE 'told.jsonl: told to end after line [0-9]+; the same command goes on from there' told.err
mkfifo pipe
exec 7<>pipe
waited=$(at kh.ncc.demo outbox ls --json | wc -l)
start told bash -c "exec liaison --home '$NET/kh.ncc.demo' publish --wait 0 - <pipe"
documents 510000 1100 >&7
wait_until 30 has_queued $((waited + 1000))
stop told TERM
exec 7>&-
expect_same "exit where it waits for more to read" 75 "$code"
check "it says so" grep -qE 'standard input: told to end after line 1[0-9]+; what follows it was not read' told.err
piped=$(sed -n 's/.*told to end after line \([0-9]*\);.*/\1/p' told.err)
start told bash -c "trap '' HUP; exec liaison --home '$NET/kh.ncc.demo' publish --wait 600 told.json" # as nohup does it
wait_until 30 has_line told.err 'lines were taken in before'
kill -HUP "${pids[told]}"
liaison sandbox up "$NET" -q >up.out
await told 60
expect_same "exit of who does not hear the line hang up" 0 "$code"
expect_exit 0 at kh.ncc.demo publish told.jsonl
expect_exit 0 at th.ncc.demo feed --until-end --json --kind DOCUMENT --office kh.ncc.demo
expect_lines $((6000 + piped)) "$TMP/out" '"type":"delivery".*"number":"N05[01]'

step "four programs at once on one home"
for n in 1 2 3 4; do
	documents $((300000 + n * 1000)) 200 >"part$n.jsonl"
	start "part$n" liaison --home "$NET/kh.atu.demo" publish --json "part$n.jsonl"
done
for n in 1 2 3 4; do
	await "part$n" 60
	expect_same "exit of program $n" 0 "$code"
	expect_lines 200 "$TMP/part$n.out" '"accepted":true'
done

step "SIGTERM, then the clock: a signature that is months ahead waits, it is not lost"
LIAISON_TEST_CLOCK_OFFSET_MS=1200000 expect_exit 75 at kh.blo.demo publish --wait 2 route.json
expect_err 'clock-ahead'
expect_exit 0 at kh.blo.demo outbox drop --all

finish
