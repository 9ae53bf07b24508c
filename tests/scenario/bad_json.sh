#!/usr/bin/env bash
# Lines that are no alerts: each is told by file, line, column and key, with the nearest name that is right; nothing of it is
# sent, the lines around it are; and none of them costs memory.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
number=0
for_thailand='{"level":"AMBER","countries":["TH"]}'

good() { # good HEADLINE
	a_route "$1" "$for_thailand"
}

# bad NAME LINE PATTERN: between two good lines stands LINE, which is told so; exit 65, and the other two are accepted
bad() {
	number=$((number + 1))
	step "$1"
	{ good "before $number"; printf '%s\n' "$2"; good "after $number"; } >mixed.jsonl
	expect_exit 65 at kh.blo.demo publish mixed.jsonl
	expect_err "^liaison: mixed.jsonl:2:$3"
	expect_same "lines told" 1 "$(grep -c 'mixed.jsonl:' "$TMP/err")"
	expect_out '^2 accepted, 1 refused, 0 waiting'
	rm mixed.jsonl
}

line=$(good bad)
bad "an unknown key" "{\"kind\":\"ROUTE\",\"crme\":[\"WILDLIFE\"]}" '17: crme: unknown key; did you mean "crime"\?'
bad "an unknown key inside" "${line/headline/headlin}" '[0-9]+: texts\[0\]\.headlin: unknown key; did you mean "headline"\?'
bad "a key in another spelling" "${line/crossings/Crossings}" '[0-9]+: where\.Crossings: unknown key; did you mean "crossings"\?'
bad "an unknown key of which there is no near one" '{"zzzzzzzzzz":1}' '2: zzzzzzzzzz: unknown key'
bad "a text where a list belongs" "${line/'["WILDLIFE"]'/'"WILDLIFE"'}" '[0-9]+: crime: '
bad "a number where a text belongs" "${line/'"headline":"bad"'/'"headline":7'}" '[0-9]+: texts\[0\]\.headline: '
bad "a list where an object belongs" "${line/"$for_thailand"/[]}" '[0-9]+: handling: '
bad "a text where a number belongs" "${line/'"crossings":["kh-poipet"]'/'"circles":[{"lat":"x","lon":1,"km":1}]'}" \
	'[0-9]+: where\.circles\[0\]\.lat: '
bad "a number where a truth belongs" "{\"doNotAlertSubject\":1}" '[0-9]+: doNotAlertSubject: '
bad "a number that is none" '{"kind":NaN}' '9'
bad "a value that the enumeration has not" "${line/ROUTE/ROUT}" '[0-9]+: kind: .*did you mean "?ROUTE'
bad "a value inside a list" "${line/WILDLIFE/WILDLIVE}" '[0-9]+: crime\[0\]: .*did you mean "?WILDLIFE'
bad "a value in small letters" "${line/EXPECTED/expected}" '[0-9]+: urgency: .*did you mean "?EXPECTED'
bad "a time that is none" "{\"expires\":\"2027-02-30T00:00:00Z\"}" '[0-9]+: expires: '
bad "the same key twice" '{"kind":"ROUTE","kind":"VESSEL"}' '17: kind: '
bad "the same key twice inside" "${line/'"lang":"en"'/'"lang":"en","lang":"km"'}" '[0-9]+: texts\[0\]\.lang: '
bad "the same key twice, once escaped" '{"kind":"ROUTE","\u006bind":"ROUTE"}' '17: .*ind: the key stands here twice'
bad "bytes that are no UTF-8" "$(printf '{"kind":"ROUTE","author":"a\xffb"}')" '2[0-9]:.*UTF-8'
bad "UTF-8 that is longer than need be" "$(printf '{"author":"a\xc0\xafb"}')" '1[0-9]:.*UTF-8'
bad "half of a pair" '{"author":"\ud800"}' '1[0-9]:'
bad "a NUL in a text" '{"author":"a\u0000b"}' '1?[0-9]:'
bad "a line that is cut" "${line:0:100}" '[0-9]+: '
bad "two objects on a line" '{"kind":"ROUTE"} {"kind":"ROUTE"}' '1[0-9]: '
bad "no object" '"ROUTE"' '1: '
bad "10,000 lists inside each other" "{\"crime\":$(printf '[%.0s' $(seq 10000))" '[0-9]+: .*(deep|nest|inside)'
bad "10,000 objects inside each other" "$(printf '{"where":%.0s' $(seq 10000))" '[0-9]+: '
bad "10,000 lists that are closed" "{\"crime\":$(printf '[%.0s' $(seq 10000))$(printf ']%.0s' $(seq 10000))}" '[0-9]+: '
bad "a line of two megabytes" "{\"author\":\"$(head -c 2000000 /dev/zero | tr '\0' a)\"}" ' the line has 2000013 bytes|the line has'

step "what the reader got are the good lines, all of them"
expect_exit 0 at th.blo.demo feed --until-end --json
expect_lines $((2 * number)) "$TMP/out" '"type":"delivery"'
expect_no_out '"headline":"bad"'
expect_exit 0 at kh.blo.demo outbox ls --all --json
expect_lines $((2 * number)) "$TMP/out"

step "one object over many lines: the line is the one in the file"
printf '{\n  "kind": "ROUTE",\n  "crme": ["WILDLIFE"]\n}\n' >object.json
expect_exit 65 at kh.blo.demo publish object.json
expect_err '^liaison: object.json:3:3: crme: unknown key; did you mean "crime"\?'
good "from a pipe" | sed 's/ROUTE/ROUT/' >pipe
expect_exit 65 at kh.blo.demo publish - <pipe
expect_err '^liaison: standard input:1:[0-9]+: kind: '

step "for programs: a code, and the same words"
expect_exit 65 at kh.blo.demo publish --json object.json
expect_out '^\{"accepted":false,"file":"object.json","line":1,"refusal":\{"code":"malformed","message":"3:3: crme: unknown key; did you mean '

step "all or nothing: one bad line, and nothing is sent, numbered or kept"
{ good "first"; echo '{"kind":"ROUT"}'; good "third"; } >mixed.jsonl
expect_exit 0 at kh.blo.demo outbox ls --all --json
before=$(wc -l <"$TMP/out")
expect_exit 65 at kh.blo.demo publish --all-or-nothing mixed.jsonl
expect_err 'mixed.jsonl:2:[0-9]+: kind: '
expect_err 'nothing was sent'
expect_no_out 'accepted'
expect_exit 0 at kh.blo.demo outbox ls --all --json
expect_lines "$before" "$TMP/out"
good "goes on" >route.json
expect_exit 0 at kh.blo.demo publish --json route.json
expect_out "^\{\"id\":\"kh.blo.demo/$((2 * number + 1))\"" # no number was used

step "a line of a gigabyte, through a pipe: told, passed over, and not held in memory"
case $BUILD in
*/san*) limit=unlimited ;; # the sanitizer reserves more than there is
*) limit=400000 ;;         # KiB of addresses
esac
giant() {
	good "before the giant"
	printf '{"author":"'
	head -c 1073741824 /dev/zero | tr '\0' a
	printf '"}\n'
	good "after the giant"
}
(
	ulimit -v $limit
	giant | liaison --home "$NET/kh.blo.demo" publish - >giant.out 2>giant.err
	echo "${PIPESTATUS[1]}" >giant.code
)
expect_same "exit" 65 "$(cat giant.code)"
check "the line is told: $(cat giant.err)" grep -qE '^liaison: standard input:2: .*10737418[0-9]+ bytes' giant.err
check "the others were sent" grep -qE '^2 accepted, 1 refused' giant.out

finish
