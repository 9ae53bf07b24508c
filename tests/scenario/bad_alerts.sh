#!/usr/bin/env bash
# Alerts that parse and must not be sent: the agent finds each before anything leaves, by the broker's own code; exit 77, no
# number is used, nothing waits, and no reader hears of it. The broker's side is tests/unit/bad_alerts_test.c.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
refused=0

example() { # example NAME: one of the worked examples on a line
	tr -d '\n' <"$ROOT/config/examples/$1.json"
	echo
}

# refuse SENTENCE CODE PATTERN ALERT: the agent alone refuses it so, and the broker heard nothing
refuse() {
	step "$1"
	refused=$((refused + 1))
	printf '%s\n' "$4" >alert.json
	expect_exit 77 at kh.blo.demo publish --json alert.json
	expect_err "^liaison: alert.json:1: $2: $3"
	expect_out "^\{\"accepted\":false,\"file\":\"alert.json\",\"line\":1,\"refusal\":\{\"code\":\"$2\",\"message\":\"[^\"]+"
}

# The broker is down for all of these: what is found, is found here.
liaison sandbox down "$NET" -q
route=$(a_route bad '{"level":"AMBER","countries":["TH"]}')
handled() { sed "s/\"handling\":.*/\"handling\":$1}/" <<<"$route"; }

refuse "AMBER without a country" bad-handling 'handling\.countries: is missing' "$(handled '{"level":"AMBER"}')"
refuse "AMBER to everyone" bad-handling 'handling\.everyone' "$(handled '{"level":"AMBER","everyone":true}')"
refuse "RED without an office" bad-handling 'handling\.offices: is missing' "$(handled '{"level":"RED"}')"
refuse "RED to a country" bad-handling 'handling\.countries: RED' "$(handled '{"level":"RED","countries":["TH"]}')"
refuse "RED to an office that no roster has" bad-handling 'handling\.offices\[0\]: .*th\.blo\.nowhere' \
	"$(handled '{"level":"RED","offices":["th.blo.nowhere"]}')"
refuse "RED to a prefix of offices" bad-handling 'handling\.offices\[0\]' "$(handled '{"level":"RED","offices":["th.blo"]}')"
refuse "a missing person in the clear" victim-in-clear 'subjects\[0\]\.protectedPerson' "$(example sealed/missing-person)"
refuse "a person at risk in the clear" victim-in-clear 'subjects\[0\]\.protectedPerson' "$(example sealed/person-at-risk)"
refuse "a name in a smuggling incident" victim-in-clear 'subjects\[[0-9]\]\.person' \
	"$(example smuggling-incident | sed 's/"subjects":\[/"subjects":[{"person":{"names":[{"full":"A"}]}},/')"
refuse "a victim among the wanted" victim-in-clear 'subjects\[[0-9]\]\.protectedPerson' \
	"$(example wanted-person-h0 | sed 's/"subjects":\[/"subjects":[{"protectedPerson":{"ageBand":"CHILD"}},/')"
refuse "expired" expired 'expires' "$(sed 's/^{/{"expires":"2020-01-01T00:00:00Z",/' <<<"$route")"
refuse "longer than its kind may last" expired 'expires: ROUTE may stand until' \
	"$(sed 's/^{/{"expires":"2199-01-01T00:00:00Z",/' <<<"$route")"
refuse "ARREST without a legal basis" bad-code 'legalBasis: is missing; ARREST' \
	"$(example wanted-person-h0 | sed 's/"legalBasis":{[^}]*}, *//')"
refuse "ARREST with half a legal basis" bad-code 'legalBasis: authority is missing' \
	"$(example wanted-person-h0 | sed 's/"authority":"[^"]*",//')"
refuse "a foreign document" bad-identifier 'subjects\[0\]\.document\.issuer: is TH' \
	"$(example document-lost | sed 's/"issuer":"KH"/"issuer":"TH"/')"
refuse "a wrong check digit in an MRZ" bad-identifier 'subjects\[0\]\.document: mrz' \
	"$(example document-lost | sed 's/N1234567<7KHM/N1234567<8KHM/')"
refuse "a wrong check digit of a container" bad-identifier 'subjects\[0\]\.container\.number' \
	"$(example container | sed 's/CSQU3054383/CSQU3054384/')"
refuse "an unknown crossing" bad-code 'where\.crossings\[0\]: .*did you mean kh-poipet' \
	"$(sed 's/"crossings":\["kh-poipet"\]/"crossings":["kh-poipett"]/' <<<"$route")"
refuse "longer than a text may be" too-large 'texts\[0\]\.headline: [0-9]+ characters' \
	"$(sed "s/\"headline\":\"[^\"]*\"/\"headline\":\"$(head -c 9000 /dev/zero | tr '\0' x)\"/" <<<"$route")"
refuse "an unknown country" bad-code 'where\.countries\[0\]' "$(sed 's/"countries":\["KH","TH"\],"cross/"countries":["UK"],"cross/' <<<"$route")"

step "a dry run says the same"
expect_exit 77 at kh.blo.demo publish --dry-run alert.json
expect_err '^liaison: alert.json:1: bad-code: where\.countries\[0\]'

step "a time of sending is not an author's to write"
sed 's/^{/{"sent":"2099-01-01T00:00:00Z",/' <<<"$route" >alert.json
expect_exit 65 at kh.blo.demo publish alert.json
expect_err 'alert.json:1: sent: leave it out'

step "nothing of it waits, no number is used, and nobody heard of it"
expect_exit 0 at kh.blo.demo outbox ls --all
expect_same "the outbox" "" "$out"
liaison sandbox up "$NET" -q >up.out
a_route "the first" '{"level":"AMBER","countries":["TH"]}' >alert.json
expect_exit 0 at kh.blo.demo publish --json alert.json
expect_out '^\{"id":"kh.blo.demo/1","accepted":true'
expect_exit 0 at th.blo.demo feed --until-end --include-ended --json
expect_lines 1 "$TMP/out" '"type":"delivery"'

step "what stands in a file beside others keeps none of them back"
{ handled '{"level":"RED"}'; a_route "the second" '{"level":"AMBER","countries":["TH"]}'; } >mixed.jsonl
expect_exit 77 at kh.blo.demo publish mixed.jsonl
expect_err 'mixed.jsonl:1: bad-handling'
expect_out '^1 accepted, 1 refused, 0 waiting'

step "a number with a wrong digit that real ships have is a warning"
expect_exit 0 at kh.blo.demo publish <<<"$(example vessel)"
sed 's/"imo":"[0-9]*"/"imo":"1234568"/' <<<"$(example vessel)" >ship.json
expect_exit 0 at kh.blo.demo publish ship.json
expect_err 'imo'

step "a clock that is ahead: the alert is signed, waits, and is never lost; the agent says whose clock it is"
LIAISON_TEST_CLOCK_OFFSET_MS=900000 expect_exit 75 at kh.blo.demo publish --wait 2 alert.json
expect_err "this computer's clock is 15 minutes ahead"
expect_err 'clock-ahead'
expect_exit 0 at kh.blo.demo outbox ls --json
expect_lines 1 "$TMP/out" 'clock-ahead'

step "taken back, as it says, and published again, it is sent"
expect_exit 0 at kh.blo.demo outbox drop --all
expect_exit 0 at kh.blo.demo publish --json alert.json
expect_out '"accepted":true'
expect_exit 0 at kh.blo.demo publish --json alert.json # and once more: these are two alerts
expect_out '"accepted":true'

finish
