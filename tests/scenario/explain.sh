#!/usr/bin/env bash
# Every code that an alert, a roster or a refusal can carry is explained, and every rule that keeps an alert from an office.
. "$(dirname "$0")/lib.sh"
cd "$TMP"

step "every code has its sentence, in whatever case it is written, without a home"
export LIAISON_HOME=$TMP/none
codes=$(grep -o 'code = "[^"]*"' "$ROOT/config/codes.conf" | cut -d '"' -f 2 | sort -u)
check "there are codes" test "$(wc -w <<<"$codes")" -gt 100
refusals="malformed too-large bad-signature unknown-office not-permitted equivocation stale expired bad-reference bad-identifier
	bad-code bad-handling victim-in-clear unsupported-version not-supported clock-ahead rate-limited storage-full read-only
	roster-expired"
reasons="no-roster suspended no-right not-addressed clearance kind not-contributing cancelled restricted"
for word in $codes $refusals $reasons; do
	run liaison explain --code "$word"
	if grep -qE '^.+ \(.+\): .+[.]' "$TMP/out"; then pass; else fail "of $word: $out $err"; fi
done
expect_exit 0 liaison explain --code bad-handling --json
expect_out '^\{"code":"bad-handling","group":"[^"]+","meaning":"[^"]+"\}$'
expect_exit 64 liaison explain --code bad-handlin
expect_err 'did you mean `bad-handling`'
expect_exit 0 liaison explain --code rOuTe
expect_out '^ROUTE '
unset LIAISON_HOME

step "why an office may not see an alert: the rule that says no, by name, and no other"
net_up KH,TH
no() { grep -oE '^ +NO +[a-z-]+' "$TMP/out" | awk '{ print $2 }' | xargs; }
publish() { # publish FILE: its id is in $id
	expect_exit 0 at kh.blo.demo publish --json "$1"
	id=$(sed 's/.*"id":"\([^"]*\)".*/\1/' <<<"$out")
}
# refused OFFICE RULES
refused() {
	expect_exit 1 at kh.blo.demo explain "$id" --office "$1"
	expect_same "rules that keep $id from $1" "$2" "$(no)"
	expect_out "^$1 may not see $id: "
}
a_route "For Thailand" '{"level":"AMBER","countries":["TH"],"ownCountry":false}' >route.json
publish route.json
expect_exit 0 at kh.blo.demo explain "$id" --office th.blo.demo
expect_out "^th.blo.demo may see $id"
expect_same "rules against it" "" "$(no)"
refused kh.atu.demo "not-addressed"
expect_exit 1 at kh.blo.demo explain "$id" --office vn.blo.demo
expect_out 'NO +no-roster'
expect_err 'no roster names vn.blo.demo; did you mean'
publish <(a_route "Red" '{"level":"RED","offices":["th.nrm.demo","th.blo.demo"]}')
refused th.nrm.demo "clearance"
refused th.atu.demo "not-addressed"
publish "$ROOT/config/examples/vehicle-stolen.json"
refused th.nrm.demo "kind"
expect_exit 0 at kh.blo.demo cancel "$id"
refused th.blo.demo "cancelled"
refused th.nrm.demo "kind cancelled"
expect_exit 1 at kh.blo.demo explain "$id" --office th.nrm.demo --json
expect_out '"rules":\[(\{"rule":"[a-z-]+","holds":(true|false),"sentence":"[^"]+"\},?)+\],"may":false'

step "only what this office has can be explained here"
expect_exit 65 at th.atu.demo explain "$id" --office th.nrm.demo
expect_exit 64 at th.atu.demo explain "not an id" --office th.nrm.demo
expect_exit 1 at kh.blo.demo explain kh.blo.demo/1 # without an office: this one, which is not in Thailand
expect_out '^kh.blo.demo may not see'

finish
