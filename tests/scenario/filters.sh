#!/usr/bin/env bash
# A feed that filters by each attribute: what passes and what does not, one by one and together. The inbox of an office
# that has all of it answers the same filter with the same alerts; a filter never shows what an office may not see.
. "$(dirname "$0")/lib.sh"

# an_alert KIND CRIMES SEVERITY URGENCY COUNTRIES LANGS REST: lists are JSON's insides, REST goes on in `where`
an_alert() {
	local lang texts="" subjects=""
	[ "$1" != SEIZURE ] || subjects='"subjects":[{"consignment":{"substance":"specimen","form":"POWDER"}}],'
	for lang in $6; do texts="$texts${texts:+,}{\"lang\":\"$lang\",\"headline\":\"$name\",\"description\":\"Invented.\"}"; done
	printf '{"kind":"%s","crime":[%s],"severity":"%s","urgency":"%s","certainty":"LIKELY","source":"B","information":"2",' \
		"$1" "$2" "$3" "$4"
	printf '"action":["INFORM_ONLY"],"texts":[%s],"where":{"countries":[%s]%s},%s"status":"%s","handling":%s}\n' \
		"$texts" "$5" "${7:+,$7}" "$subjects" "${status:-ACTUAL}" "${handling:-{\"level\":\"AMBER\",\"countries\":[\"TH\"]\}}"
}

publish() { # publish NAME OFFICE ...: an_alert's arguments
	local name=$1 office=$2
	shift 2
	an_alert "$@" >"$TMP/$name.json"
	expect_exit 0 at "$office" publish "$TMP/$name.json"
}

headlines() { sed -n 's/.*"type":"delivery".*"texts":\[{"lang":"[^"]*","headline":"\([^"]*\)".*/\1/p' "$1" | sort | xargs; }

number=0
# expect_feed "NAMES" FILTER...: a new feed with that filter gives exactly these; so does the inbox of who has them all
expect_feed() {
	local wanted
	wanted=$(tr ' ' '\n' <<<"$1" | sort | xargs)
	shift
	number=$((number + 1))
	expect_exit 0 at th.blo.demo feed "f$number" "$@" --json --until-end --from start
	expect_same "feed $*" "$wanted" "$(headlines "$TMP/out")"
	expect_same "verified by feed $*" "$(wc -w <<<"$wanted")" "$(grep -c '"verified":true' "$TMP/out")"
	expect_exit 0 at th.blo.demo inbox --json "$@"
	expect_same "inbox $*" "$wanted" "$(headlines "$TMP/out")"
}

net_up KH,TH,VN

step "three countries publish alerts that differ in every attribute"
publish pangolin kh.blo.demo ROUTE '"WILDLIFE"' SEVERE EXPECTED '"KH","VN"' "en vi" \
	'"crossings":["kh-bavet","vn-moc-bai"],"legs":[{"from":{"name":"Phnom Penh","lat":11.5564,"lon":104.9282},"to":{"name":"Ho Chi Minh City","lat":10.8231,"lon":106.6297},"mode":"ROAD"}]'
publish tablets th.blo.demo SEIZURE '"DRUGS"' SEVERE PAST '"TH","MM"' "en th" '"crossings":["th-mae-sai"]'
publish ephedrine vn.blo.demo SEIZURE '"PRECURSORS","DRUGS"' EXTREME IMMEDIATE '"VN","LA"' "en" '"crossings":["vn-cau-treo"]'
publish paths kh.blo.demo HOTSPOT '"MIGRANT_SMUGGLING"' MODERATE FUTURE '"KH","TH"' "km en" '"circles":[{"lat":13.68,"lon":102.55,"km":5}]'
publish offers kh.atu.demo MODUS_OPERANDI '"TRAFFICKING_IN_PERSONS"' MINOR FUTURE '"KH"' "km" ""
publish dateline vn.blo.demo ROUTE '"TIMBER"' MODERATE EXPECTED '"VN"' "zh-Hant" '"circles":[{"lat":-17,"lon":179.9,"km":5}]'
status=EXERCISE publish drill kh.blo.demo ROUTE '"WILDLIFE"' SEVERE EXPECTED '"KH"' "en" '"crossings":["kh-bavet"]'
status=TEST publish trial kh.blo.demo ROUTE '"WILDLIFE"' SEVERE EXPECTED '"KH"' "en" '"crossings":["kh-bavet"]'
handling='{"level":"RED","offices":["vn.atu.demo"]}' \
	publish secret vn.blo.demo ROUTE '"WILDLIFE"' SEVERE EXPECTED '"VN"' "en" '"crossings":["vn-moc-bai"]'

actual="pangolin tablets ephedrine paths offers dateline"
expect_exit 0 at th.blo.demo feed all --status ACTUAL,EXERCISE,TEST --json --until-end --from start
expect_same "all that this office may see" "dateline drill ephedrine offers pangolin paths tablets trial" "$(headlines "$TMP/out")"
expect_exit 0 at vn.atu.demo feed all --json --until-end --from start
expect_same "the other office" "dateline ephedrine secret" "$(headlines "$TMP/out")"

step "no filter"
expect_feed "$actual"

step "--kind"
expect_feed "pangolin dateline" --kind ROUTE
expect_feed "tablets ephedrine paths" --kind SEIZURE --kind HOTSPOT
expect_feed "tablets ephedrine paths" --kind SEIZURE,HOTSPOT
expect_feed "" --kind WANTED_PERSON

step "--crime"
expect_feed "pangolin" --crime WILDLIFE
expect_feed "tablets ephedrine" --crime DRUGS
expect_feed "ephedrine dateline" --crime PRECURSORS --crime TIMBER

step "--country"
expect_feed "pangolin paths offers" --country KH
expect_feed "pangolin ephedrine dateline" --country vn
expect_feed "tablets ephedrine" --country MM --country LA
expect_feed "" --country FR

step "--crossing"
expect_feed "tablets" --crossing th-mae-sai
expect_feed "pangolin ephedrine" --crossing vn-moc-bai --crossing vn-cau-treo

step "--office"
expect_feed "pangolin paths" --office kh.blo
expect_feed "pangolin paths offers" --office kh
expect_feed "offers tablets" --office kh.atu.demo --office th.blo.demo
expect_feed "" --office kh.bl

step "--min-severity and --min-urgency"
expect_feed "$actual" --min-severity MINOR
expect_feed "pangolin tablets ephedrine" --min-severity SEVERE
expect_feed "ephedrine" --min-severity EXTREME
expect_feed "pangolin ephedrine dateline" --min-urgency EXPECTED
expect_feed "ephedrine" --min-urgency IMMEDIATE

step "--near"
expect_feed "paths" --near 13.66,102.55,20
expect_feed "pangolin" --near 11.07,106.15,30                      # a leg passes there
expect_feed "pangolin paths" --near 11.07,106.15,30 --near 13.66,102.55,20
expect_feed "" --near 48.2,16.4,100
expect_feed "dateline" --near -17,-179.9,30                         # across the 180th meridian

step "--bbox"
expect_feed "paths" --bbox 13,102,14,103
expect_feed "tablets" --bbox 20,99,21,101
expect_feed "tablets paths" --bbox 13,102,14,103 --bbox 20,99,21,101
expect_feed "dateline" --bbox=-20,179,-15,-179

step "--lang"
expect_feed "paths offers" --lang km
expect_feed "tablets pangolin" --lang th --lang vi
expect_feed "dateline" --lang zh
expect_feed "" --lang zh-Hans

step "--status"
expect_feed "drill" --status EXERCISE
expect_feed "trial" --status TEST
expect_feed "drill $actual" --status ACTUAL,EXERCISE

step "different attributes are all required"
expect_feed "pangolin" --kind ROUTE --crime WILDLIFE --country KH --crossing kh-bavet --office kh.blo --min-severity SEVERE \
	--min-urgency EXPECTED --near 11.3,105.5,100 --bbox 10,104,12,107 --lang vi --status ACTUAL
expect_feed "" --kind ROUTE --crime WILDLIFE --country KH --crossing kh-bavet --office kh.blo --min-severity SEVERE \
	--min-urgency EXPECTED --near 11.3,105.5,100 --bbox 10,104,12,107 --lang th --status ACTUAL
expect_feed "tablets paths" --country TH --lang en
expect_feed "paths" --country TH --lang km --min-severity MODERATE
expect_feed "tablets ephedrine" --kind SEIZURE,ROUTE --crime DRUGS
expect_feed "drill" --status EXERCISE --crime WILDLIFE --office kh

step "a filter never widens what an office may see"
expect_feed "pangolin" --crossing vn-moc-bai
expect_feed "ephedrine dateline" --office vn

step "a filter that cannot be is refused in a sentence, before anything is asked of the broker"
expect_exit 64 at th.blo.demo feed bad --until-end --kind ROAD
expect_err 'ROAD.*ROUTE'
expect_exit 64 at th.blo.demo feed bad --until-end --country K1
expect_err 'k1'
expect_exit 64 at th.blo.demo feed bad --until-end --near 91,0,5
expect_err 'near'
expect_exit 64 at th.blo.demo feed bad --until-end --near 13,102
expect_err 'near takes 3 numbers'
expect_exit 64 at th.blo.demo feed bad --until-end --bbox 14,102,13,103
expect_err 'south'
expect_exit 64 at th.blo.demo feed bad --until-end --min-severity AWFUL
expect_err 'AWFUL'
expect_exit 64 at th.blo.demo feed bad --until-end --office 'KH..blo'
expect_err 'kh[.][.]blo'
expect_exit 0 at th.blo.demo feeds ls
expect_no_out '^bad '

finish
