#!/usr/bin/env bash
# Feeds as things of their own: what there is, where each stands, moved, forgotten; one office's feeds are nobody else's.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
for n in 1 2 3 4 5; do a_route "Number $n" | at kh.blo.demo publish - -q >/dev/null; done
deliveries() { sed -n 's/.*"type":"delivery".*"headline":"Number \([0-9]*\)".*/\1/p' "$TMP/out" | xargs; }

step "an office has no feed until it makes one"
expect_exit 0 at th.blo.demo feeds ls --json
expect_same "feeds" "" "$out"
expect_exit 77 at th.blo.demo feeds info nothing
expect_err 'no feed .nothing.'

step "what there is, and where it stands"
expect_exit 0 at th.blo.demo feed all --until-end --json
expect_same "delivered" "1 2 3 4 5" "$(deliveries)"
first=$(sed -n 's/.*"index":\([0-9]*\),.*"headline":"Number 1".*/\1/p' "$TMP/out")
expect_exit 0 at th.blo.demo feed two --count 2 --json
expect_same "delivered" "1 2" "$(deliveries)"
expect_exit 0 at th.blo.demo feed near --near 13.66,102.55,50 --crime WILDLIFE,TIMBER --until-end --json
expect_exit 0 at th.blo.demo feeds ls --json
expect_lines 3 "$TMP/out" '^\{"feed":"(all|near|two)","broker":"kh.broker","filter":\{.*\},"urgent":[0-9]+,"ordinary":[0-9]+,"size":9,"waiting":[0-9]+,"attached":false\}$'
expect_out '"feed":"near".*"filter":\{"crimes":\["WILDLIFE","TIMBER"\],"near":\[\{"lat":13.66,"lon":102.55,"km":50\}\]\}'
expect_exit 0 at th.blo.demo feeds info two --json
expect_out '"ordinary":'$((first + 2))',"size":9,'
expect_exit 0 at th.blo.demo feeds info two
expect_out 'nobody reads it now'
start reader liaison --home "$NET/th.blo.demo" feed all --json
wait_until 10 has_line reader.out '"atEnd":true'
expect_exit 0 at th.blo.demo feeds info all --json
expect_out '"waiting":0,"attached":true'
stop reader

step "it goes on where it stood; moved, it gives again what was read, to who asks"
expect_exit 0 at th.blo.demo feed two --until-end --json
expect_same "delivered" "3 4 5" "$(deliveries)"
expect_exit 0 at th.blo.demo feeds seek two $((first + 3))
expect_exit 0 at th.blo.demo feed two --until-end --json
expect_same "delivered again" "4 5" "$(deliveries)"
expect_exit 0 at th.blo.demo feeds seek two start
expect_exit 0 at th.blo.demo feed two --until-end --json
expect_same "delivered again" "1 2 3 4 5" "$(deliveries)"
expect_exit 0 at th.blo.demo feeds seek two end
a_route "Number 6" | at kh.blo.demo publish - -q >/dev/null
expect_exit 0 at th.blo.demo feed two --until-end --json
expect_same "delivered" "6" "$(deliveries)"
expect_exit 64 at th.blo.demo feeds seek two backwards
expect_exit 77 at th.blo.demo feeds seek nothing start

step "--from on a feed that is there moves it, and new means from now on"
expect_exit 0 at th.blo.demo feed two --from $((first + 4)) --until-end --json
expect_same "delivered" "5 6" "$(deliveries)"
expect_exit 0 at th.blo.demo feed two --from start --count 1 --json
expect_same "delivered" "1" "$(deliveries)"
expect_exit 0 at th.blo.demo feed two --from new --until-end --json
expect_same "delivered" "" "$(deliveries)"
a_route "Number 7" | at kh.blo.demo publish - -q >/dev/null
expect_exit 0 at th.blo.demo feed two --until-end --json
expect_same "delivered" "7" "$(deliveries)"
expect_exit 64 at th.blo.demo feed two --from yesterday
expect_exit 64 at th.blo.demo feed two --count 0

step "another office has feeds of its own, also under the same name"
expect_exit 0 at th.atu.demo feeds ls --json
expect_same "feeds" "" "$out"
expect_exit 0 at th.atu.demo feed two --until-end --json
expect_same "delivered" "1 2 3 4 5 6 7" "$(deliveries)"
expect_exit 0 at th.atu.demo feeds rm two
expect_exit 0 at th.blo.demo feeds info two

step "forgotten, it begins anew; the inbox stays"
expect_exit 0 at th.blo.demo feeds rm two
expect_exit 77 at th.blo.demo feeds info two
expect_exit 77 at th.blo.demo feeds rm two
expect_exit 0 at th.blo.demo inbox --json
expect_lines 7 "$TMP/out" '"headline":"Number'
expect_exit 0 at th.blo.demo feed two --until-end --json
expect_same "delivered" "1 2 3 4 5 6 7" "$(deliveries)"

step "moved under its reader, it gives the reader what it gave before; forgotten, it ends it"
start reader liaison --home "$NET/th.blo.demo" feed all --json
wait_until 10 has_line reader.out '"atEnd":true'
expect_lines 0 reader.out '"headline":"Number 1"'
expect_exit 0 at th.blo.demo feeds seek all start
wait_until 10 has_line reader.out '"headline":"Number 1"'
expect_exit 0 at th.blo.demo feeds rm all
await reader 10
expect_same "exit of the reader" 77 "$code"
check "it says why" grep -q 'this feed was removed' reader.err

finish
