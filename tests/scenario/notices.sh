#!/usr/bin/env bash
# What follows an alert. The word that it is cancelled or superseded reaches everybody who was given it, or whom it
# addressed, whatever filters, clearance, kinds or a suspension say by then: an innocent person must not be arrested
# because a clearance fell. And who comes late is not given what is over.
. "$(dirname "$0")/lib.sh"
net_up KH,TH,VN
cd "$TMP"

# headlines FILE, notices FILE: what a feed's JSON gave
headlines() { sed -n 's/.*"type":"delivery".*"headline":"\([^"]*\)".*/\1/p' "$1" | sort | xargs; }
notices() { sed -n 's/.*"type":"notice".*"notice":"\([A-Z]*\)","id":"\([^"]*\)","reason":"\([A-Z]*\)","verified":true.*/\1 \2 \3/p' "$1"; }
publish() { # publish HEADLINE [HANDLING]: by kh.blo.demo; its id is in $id
	a_route "$@" >"$1.json"
	expect_exit 0 at kh.blo.demo publish --json "$1.json"
	id=$(sed 's/.*"id":"\([^"]*\)".*/\1/' <<<"$out")
}
change_th() { # change_th VERB ARGUMENT...: Thailand's next roster, by `roster VERB`, signed and pushed
	cp "$NET/trust/th.roster" th.next
	expect_exit 0 liaison roster "$1" --trust "$NET/trust" "${@:2}" th.next
	expect_exit 0 liaison roster sign --key "$NET/authority/th-authority.key" th.next
	expect_exit 0 at th.ncc.demo roster push th.next
	mv th.next "$NET/trust/th.roster"
}

step "five offices are given an alert"
publish first
first=$id
for office in th.blo th.nrm th.atu th.piu vn.blo; do
	expect_exit 0 at $office.demo feed --until-end --json
	expect_same "given to $office" "first" "$(headlines "$TMP/out")"
done
expect_exit 0 at th.piu.demo feed drugs --crime DRUGS --until-end --json
expect_same "given to a feed that asks for other things" "" "$(headlines "$TMP/out")"

step "then one may receive less, one other kinds, and one is suspended"
change_th set --office th.nrm.demo --clearance GREEN
change_th set --office th.atu.demo --receives VEHICLE,VESSEL
change_th suspend --reason 'laptop lost' th.piu.demo
publish second
second=$id
for office in th.nrm th.atu; do
	expect_exit 0 at $office.demo feed --until-end --json
	expect_same "given to $office by now" "" "$(headlines "$TMP/out")$(notices "$TMP/out")"
done
expect_exit 0 at th.blo.demo feed --until-end --json
expect_same "given to who still may" "second" "$(headlines "$TMP/out")"
expect_exit 1 at th.nrm.demo explain "$first" --office th.nrm.demo
expect_out 'NO +clearance +The alert is AMBER, the clearance of th.nrm.demo is GREEN'
expect_out "^th.nrm.demo may not see $first"
expect_exit 1 at th.blo.demo explain "$second" --office th.atu.demo
expect_out 'NO +kind +th.atu.demo may not receive ROUTE'
expect_exit 1 at th.blo.demo explain "$second" --office th.piu.demo
expect_out 'NO +suspended'

step "it is cancelled: all of them hear of it"
expect_exit 0 at kh.blo.demo cancel "$first" --reason ERROR
for office in th.blo th.nrm th.atu vn.blo; do
	expect_exit 0 at $office.demo feed --until-end --json
	expect_same "notice to $office" "CANCELLED $first ERROR" "$(notices "$TMP/out")"
	expect_exit 0 at $office.demo show "$first" --json
	expect_out '"state":"CANCELLED","reason":"ERROR"'
	expect_exit 0 at $office.demo inbox
	expect_out "ROUTE +$first +CANCELLED +first"
done
expect_exit 77 at th.piu.demo feed --until-end --json
expect_err 'suspended'
change_th resume th.piu.demo
expect_exit 0 at th.piu.demo feed drugs --until-end --json
expect_same "notice, also to a feed that never matched" "CANCELLED $first ERROR" "$(notices "$TMP/out")"

step "its author sees what became of it, with a feed of its own or without"
expect_exit 0 at kh.blo.demo show "$first"
expect_out '^STATE +CANCELLED: ERROR$'
expect_out '^by +kh.blo.demo/3$'
expect_exit 0 at kh.blo.demo show "$first" --json
expect_out '^\{"type":"own","state":"ACCEPTED",.*,"ended":"CANCELLED","reason":"ERROR","by":"kh.blo.demo/3"\}$'
expect_exit 1 at kh.blo.demo explain "$first" --office th.blo.demo
expect_out 'NO +cancelled'
expect_exit 0 at kh.blo.demo feed --include-ended --until-end
expect_exit 0 at kh.blo.demo show "$first"
expect_out '^STATE +CANCELLED: ERROR$'

step "an office that the alert never addressed hears nothing"
publish onlyvn '{"level":"AMBER","countries":["VN"]}'
expect_exit 0 at kh.blo.demo cancel "$id"
expect_exit 0 at th.blo.demo feed --until-end --json
expect_no_out "$id"
expect_exit 0 at vn.blo.demo feed --until-end --json
expect_same "notice" "CANCELLED $id WITHDRAWN" "$(notices "$TMP/out" | grep "$id")"

step "an update replaces; who is no longer named hears that, and not what it says"
publish wide
sed 's/"wide"/"narrow"/; s/"countries":\["TH","VN"\]/"countries":["VN"]/' wide.json >narrow.json
expect_exit 0 at th.blo.demo feed --until-end --json
expect_same "given at first" "wide" "$(headlines "$TMP/out")"
expect_exit 0 at kh.blo.demo update "$id" narrow.json --json
expect_exit 0 at th.blo.demo feed --until-end --json
expect_same "notice" "SUPERSEDED $id REPLACED" "$(notices "$TMP/out")"
expect_no_out narrow
expect_exit 0 at vn.blo.demo feed --until-end --json
expect_same "given" "narrow wide" "$(headlines "$TMP/out" | xargs -n 1 | grep -v second | xargs)"
expect_exit 0 at vn.blo.demo show "$id" --json
expect_out '"state":"SUPERSEDED"'

expect_exit 0 at kh.blo.demo show "$id" --json
expect_out '"ended":"SUPERSEDED","by":"kh.blo.demo/[0-9]+"\}$'

step "who comes late is not given what is cancelled or expired, unless it asks"
a_route brief | sed "s/^{/{\"expires\":\"$(date -u -d '+3 seconds' +%Y-%m-%dT%H:%M:%SZ)\",/" >brief.json
expect_exit 0 at kh.blo.demo publish --json brief.json
brief=$(date +%s)
expect_exit 0 at vn.blo.demo feed --until-end --json
expect_same "given while it held" "brief" "$(headlines "$TMP/out")"
is_over() { [ "$(date +%s)" -ge $((brief + 4)) ]; }
wait_until 8 is_over
expect_exit 0 at vn.atu.demo feed --until-end --json
expect_same "given to who comes late" "narrow second wide" "$(headlines "$TMP/out")"
expect_exit 0 at vn.atu.demo feed archive --include-ended --until-end --json
expect_same "given to who asks" "brief first narrow onlyvn second wide" "$(headlines "$TMP/out")"
expect_exit 0 at vn.atu.demo show "$first" --json
expect_out '"state":"CANCELLED"'
expect_exit 0 at vn.blo.demo inbox
expect_out 'brief'

step "what is over cannot be taken up again"
expect_exit 77 at kh.blo.demo cancel "$first"
expect_exit 77 at kh.blo.demo update "$first" narrow.json
expect_exit 77 at th.blo.demo cancel "$second"
expect_err 'kh.blo.demo'

finish
