#!/usr/bin/env bash
# JSON that programs read: the shapes that DESIGN fixes, key by key; and every worked example comes out at the reader with
# all that its author wrote, and with nothing but what the agent adds.
. "$(dirname "$0")/lib.sh"
net_up KH,TH,VN
cd "$TMP"
hash='[A-Za-z0-9+/]{43}='
epoch='[A-Za-z0-9+/]{22}=='
when='20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z'
# change TH-ROSTER-SET-OPTION...: Thailand's next roster, signed and pushed
change() {
	cp "$NET/trust/th.roster" th.next
	expect_exit 0 liaison roster set "$@" --trust "$NET/trust" th.next
	expect_exit 0 liaison roster sign --key "$NET/authority/th-authority.key" th.next
	expect_exit 0 at th.ncc.demo roster push th.next
	mv th.next "$NET/trust/th.roster"
}

step "publish: accepted, refused by the agent, queued, refused by the broker"
a_route one >route.json
expect_exit 0 at kh.blo.demo publish --json route.json
expect_out "^\{\"id\":\"kh.blo.demo/1\",\"accepted\":true,\"broker\":\"kh.broker\",\"epoch\":\"$epoch\",\"index\":[0-9]+,\"treeSize\":[0-9]+,\"rootHash\":\"$hash\"\}\$"
a_route late | sed 's/^{/{"expires":"2020-01-01T00:00:00Z",/' >late.json
expect_exit 77 at kh.blo.demo publish --json late.json
expect_out '^\{"accepted":false,"file":"late.json","line":1,"refusal":\{"code":"expired","message":"[^"]+"\}\}$'
echo '{"kind":"ROUTE","colour":1}' >bad.json
expect_exit 65 at kh.blo.demo publish --json bad.json
expect_out '^\{"accepted":false,"file":"bad.json","line":1,"refusal":\{"code":"[a-z-]+","message":"[^"]+"\}\}$'
expect_exit 75 at th.blo.demo publish --wait 0 --json route.json
expect_out '^\{"id":"th.blo.demo/1","queued":true\}$'
change --office th.blo.demo --publishes VEHICLE
expect_exit 77 at th.blo.demo outbox retry --json
expect_out '^\{"id":"th.blo.demo/1","accepted":false,"line":1,"refusal":\{"code":"not-permitted","message":"[^"]+"\}\}$'

step "feed: delivery, notice, progress"
expect_exit 0 at kh.blo.demo cancel kh.blo.demo/1 --json
expect_out '^\{"id":"kh.blo.demo/2","accepted":true,'
expect_exit 0 at th.blo.demo feed --include-ended --until-end --json
delivery="\{\"type\":\"delivery\",\"epoch\":\"$epoch\",\"index\":[0-9]+,\"broker\":\"kh.broker\",\"verified\":true,\"alert\":"
expect_lines 1 "$TMP/out" "^$delivery\{\"salt\":\"$epoch\",\"id\":\"kh.blo.demo/1\",\"sent\":\"$when\",\"status\":\"ACTUAL\",\"message\":\"ALERT\",\"expires\":\"$when\",.*\}\}\$"
expect_lines 1 "$TMP/out" "^\{\"type\":\"notice\",\"epoch\":\"$epoch\",\"index\":[0-9]+,\"broker\":\"kh.broker\",\"notice\":\"CANCELLED\",\"id\":\"kh.blo.demo/1\",\"reason\":\"WITHDRAWN\",\"verified\":true,\"alert\":\{\"salt\":\"$epoch\",\"id\":\"kh.blo.demo/2\",\"sent\":\"$when\",\"status\":\"ACTUAL\",\"message\":\"CANCEL\",\"references\":\[\"kh.blo.demo/1\"\],\"reason\":\"WITHDRAWN\"\}\}\$"
expect_lines 1 "$TMP/out" "^\{\"type\":\"progress\",\"epoch\":\"$epoch\",\"broker\":\"kh.broker\",\"urgent\":[0-9]+,\"ordinary\":[0-9]+,\"size\":[0-9]+,\"atEnd\":true\}\$"
expect_lines 3 "$TMP/out"

step "sandbox status, and the rest that programs read: one object a line"
expect_exit 0 liaison sandbox status "$NET" --json
expect_out '^\{"network":"[^"]+","brokers":\[\{"id":"kh.broker","endpoint":"tcp://127.0.0.1:[0-9]+","pid":[0-9]+,"operator":[^,]+,"tokenFile":[^,]+\}\],"offices":\[(\{"id":"[a-z.]+","home":"[^"]+"\},?){15}\]\}$'
for command in "feeds ls" "feeds info main" "feeds parked" "inbox --include-ended" "show kh.blo.demo/1" "verify" "offices" \
	"trust show" "explain --code expired" "outbox ls" "doctor" "keys show"; do
	# shellcheck disable=SC2086
	run at th.blo.demo $command --json -q
	check "$command says nothing on standard error: $err" test -z "$err"
	check "$command: objects, one a line" test -z "$(grep -vE '^\{.*\}$' "$TMP/out")"
done

step "every worked example arrives as it was written"
added="salt id sent status message expires"
for file in "$ROOT"/config/examples/*.json; do
	name=$(basename "$file" .json)
	expect_exit 0 at kh.blo.demo publish --json "$file"
	id=$(sed -n 's/^{"id":"\([^"]*\)".*/\1/p' "$TMP/out")
	case $name in
	container | wanted-person-h2) reader=vn.ncc.demo ;; # for Viet Nam only
	wanted-person-h3) reader=th.atu.demo ;;             # for two offices only
	*) reader=th.ncc.demo ;;
	esac
	expect_exit 0 at $reader feed --until-end --json
	expect_lines 1 "$TMP/out" "\"id\":\"$id\""
	grep "\"id\":\"$id\"" "$TMP/out" >line.json
	run json_within "$file" <line.json
	expect_same "what became of $name" 0 "$code"
	for key in $added; do sed -i "/^$key\$/d" "$TMP/out"; done
	expect_same "what else was added to $name" "" "$(cat "$TMP/out")"
	expect_exit 0 at $reader show "$id" --json
	json_within "$file" <"$TMP/out" >"$TMP/within" || fail "show of $name: $(cat "$TMP/within")"
	expect_exit 0 at kh.blo.demo show "$id" --json
	json_within "$file" <"$TMP/out" >"$TMP/within" || fail "the author's show of $name: $(cat "$TMP/within")"
done

finish
