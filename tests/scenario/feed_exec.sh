#!/usr/bin/env bash
# A feed's command takes each delivery at least once: what it defers waits, what it cannot take is parked, nothing is lost.
. "$(dirname "$0")/lib.sh"
net_up KH,TH,VN
H=$NET/th.blo.demo
publish() { a_route "$1" | at kh.blo.demo publish - >/dev/null; }
ids() { sed 's/.*"alert":{[^}]*"id":"\([^"]*\)".*/\1/' "$1"; }

step "one line of JSON for each, in order, and the cursor moves"
for i in 1 2 3; do publish "Number $i"; done
expect_exit 0 at th.blo.demo feed work --until-end --exec "cat >>'$TMP/taken'"
expect_same "ids" "kh.blo.demo/1 kh.blo.demo/2 kh.blo.demo/3" "$(ids "$TMP/taken" | xargs)"
expect_lines 3 "$TMP/taken" '^\{"type":"delivery".*\}$'
expect_exit 0 at th.blo.demo feed work --until-end --exec "cat >>'$TMP/taken'"
expect_lines 3 "$TMP/taken"

step "a command that reads nothing blocks nobody"
publish "Number 4"
expect_exit 0 at th.blo.demo feed work --until-end --exec true

step "exit 75 is tried again, and what comes after it waits"
publish "Later"
publish "After it"
cat >"$TMP/defers" <<END
line=\$(cat)
echo "\$line" >>'$TMP/tries'
case \$line in *Later*) [ \$(grep -c Later '$TMP/tries') -gt 5 ] || exit 75 ;; esac
echo "\$line" >>'$TMP/deferred'
END
expect_exit 0 at th.blo.demo feed work --until-end --exec "sh '$TMP/defers'"
expect_lines 6 "$TMP/tries" 'Later' # more than the five that park
expect_same "order" "kh.blo.demo/5 kh.blo.demo/6" "$(ids "$TMP/deferred" | xargs)"

step "anything else is tried five times, then parked, and the rest goes on"
publish "Poison"
publish "Next"
cat >"$TMP/fails" <<END
line=\$(cat)
echo "\$line" >>'$TMP/attempts'
case \$line in *Poison*) exit 3 ;; esac
END
expect_exit 0 at th.blo.demo feed work --until-end --exec "sh '$TMP/fails'"
expect_err 'kh.blo.demo/7 was parked.*exit code 3'
expect_lines 5 "$TMP/attempts" 'Poison'
expect_lines 1 "$TMP/attempts" 'Next'
expect_exit 0 at th.blo.demo feeds parked --json
expect_lines 1 "$TMP/out"
expect_out '"feed":"work".*"id":"kh.blo.demo/7","tries":5,"message":"it ended with exit code 3"'
expect_exit 0 at th.blo.demo show kh.blo.demo/7 # it is in the inbox all the same

step "parked ones are tried once more when asked, and stay if it fails again"
expect_exit 0 at th.blo.demo feeds parked work --retry
expect_exit 0 at th.blo.demo feed work --until-end --exec "sh '$TMP/fails'"
expect_lines 6 "$TMP/attempts" 'Poison'
expect_exit 0 at th.blo.demo feeds parked work
expect_out 'kh.blo.demo/7 .* 6 command'
expect_exit 0 at th.blo.demo feeds parked work --retry
expect_exit 0 at th.blo.demo feed work --until-end --exec "cat >'$TMP/at-last'"
expect_same "standard output, which is the command's" "" "$out"
expect_lines 1 "$TMP/at-last" 'Poison'
expect_exit 0 at th.blo.demo feeds parked work --json
expect_lines 0 "$TMP/out"
expect_exit 64 at th.blo.demo feeds parked --drop

step "those that are tried once more count for --count"
for i in 1 2 3 4; do publish "Counted $i"; done
expect_exit 0 at th.blo.demo feed work --until-end --exec "exit 3"
expect_exit 0 at th.blo.demo feeds parked work --retry
expect_exit 0 at th.blo.demo feed work --until-end --count 1 --exec "cat >>'$TMP/counted'"
expect_lines 1 "$TMP/counted" 'Counted 1'
expect_lines 1 "$TMP/counted"
expect_exit 0 at th.blo.demo feed work --until-end --count 1 --json
expect_lines 1 "$TMP/out" 'Counted 2'
expect_lines 1 "$TMP/out" 'Counted'
expect_exit 0 at th.blo.demo feed work --count 1 --json # and it ends, whatever is to come
expect_lines 1 "$TMP/out" 'Counted 3'
expect_exit 0 at th.blo.demo feed work --until-end --json
expect_lines 1 "$TMP/out" 'Counted 4'

step "a reader that is killed in the middle gives it again"
publish "Twice"
cat >"$TMP/slow" <<END
cat >>'$TMP/begun'
sleep 300 &
echo \$! >'$TMP/sleeper'
wait
END
start killed liaison --home "$H" feed work --exec "sh '$TMP/slow'"
wait_until 10 test -s "$TMP/sleeper"
stop killed KILL
kill "$(cat "$TMP/sleeper")"
expect_exit 0 at th.blo.demo feed work --until-end --take-over --exec "cat >>'$TMP/begun'"
expect_lines 2 "$TMP/begun" 'Twice'

step "told to end, it waits for the command and keeps what that took"
publish "Last"
start ended liaison --home "$H" feed work --exec "cat >>'$TMP/last'; sleep 1"
wait_until 10 test -s "$TMP/last"
stop ended TERM
expect_same "exit" 0 "$code"
expect_exit 0 at th.blo.demo feed work --until-end --exec "cat >>'$TMP/last'"
expect_lines 1 "$TMP/last" 'Last'

step "a command that is not there is parked with the reason"
publish "For nobody"
expect_exit 0 at th.blo.demo feed work --until-end --exec "/no/such/command"
expect_err 'the shell did not find the command'
expect_exit 0 at th.blo.demo feeds parked work --drop
expect_err '1 delivery forgotten'

finish
