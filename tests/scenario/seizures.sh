#!/usr/bin/env bash
# Real input: five years of pangolin seizures, from tables as somebody typed them to alerts to feeds. Every row is accounted
# for: taken, or refused with its line and code. What each office's feeds received is compared with a computation in awk from
# the tables, over areas drawn by lot, too (SEED=n for the same ones).
. "$(dirname "$0")/lib.sh"
data=${LIAISON_DATA:-$ROOT/../shared/data}/wildlife
[ -r "$data/EIA-seizure-2010.csv" ] || skip "SKIPPED: there is no $data/EIA-seizure-2010.csv (LIAISON_DATA names the folder)"
cd "$TMP"
seed=${SEED:-$$}
RANDOM=$seed
echo "# seizures: SEED=$seed"

step "the tables become alerts, row by row"
: >alerts.jsonl
: >rows.csv
for table in "$data"/EIA-seizure-*.csv; do
	expect_exit 0 liaison convert --from csv --map "$ROOT/config/maps/pangolin-seizures.conf" "$table"
	rows=$(($(grep -c . "$table") - 1))
	expect_lines "$rows" "$TMP/out" '^\{"expires".*\}$'
	expect_err ": $rows in, $rows out, 0 passed over, 0 refused"
	cat out >>alerts.jsonl
	# A no-break space stands before or behind some numbers.
	sed '1d; s/\r$//; s/\xc2\xa0//g' "$table" | grep . >>rows.csv
done
all=$(grep -c . rows.csv)
expect_same "rows and alerts" "$all" "$(grep -c . alerts.jsonl)"

step "rows in, alerts out and refusals by code add up"
bad=$(awk -F, '$(NF - 1) == "Various" || $(NF - 1) == "Congo" { print NR }' rows.csv)
net_up KH,TH,VN
expect_exit 77 at kh.blo.demo publish --json alerts.jsonl
accepted=$(grep -c '"accepted":true' out)
sed -n 's/.*"accepted":false.*"line":\([0-9]*\),"refusal":{"code":"\([a-z-]*\)".*/\1 \2/p' out >refused
expect_same "lines refused" "$bad" "$(cut -d ' ' -f 1 refused)"
expect_same "their codes" "bad-code" "$(cut -d ' ' -f 2 refused | sort -u)"
expect_same "accepted and refused" "$all" $((accepted + $(grep -c . refused)))
expect_same "what the terminal was told" "$(grep -c . refused)" "$(grep -c '^liaison: alerts.jsonl:[0-9]*: bad-code: where.countries' err)"

# Row n of rows.csv is alert number[n] of the office: refused ones take no number.
received() { # received OFFICE FEED FILTER...: numbers in one line
	at "$1" feed "$2" --until-end --json "${@:3}" >feed.json 2>feed.err || { cat feed.err >&2 && return; }
	grep '"type":"delivery"' feed.json | grep -o '"id":"kh.blo.demo/[0-9]*"' | grep -o '[0-9]*"$' | tr -d '"' | sort -n | xargs
}

# The condition sees name (of the country), near(lat, lon, km) and box(south, west, north, east); each seizure is a circle of 1 km.
computed() {
	awk -F, '
	function rad(d) { return d * 3.14159265358979 / 180 }
	function km(a, b, c, d,  h) {
		h = sin(rad(c - a) / 2) ^ 2 + cos(rad(a)) * cos(rad(c)) * sin(rad(d - b) / 2) ^ 2
		return 2 * 6371.0088 * atan2(sqrt(h), sqrt(1 - h))
	}
	function near(a, b, radius) { return km(a, b, lat, lon) <= radius + 1 }
	function clamp(x, low, high) { return x < low ? low : x > high ? high : x }
	function box(south, west, north, east,  i, a) {
		if (lat >= south && lat <= north && lon >= west && lon <= east) return 1
		if (lat < south - 0.1 || lat > north + 0.1 || lon < west - 0.1 || lon > east + 0.1) return 0
		for (i = 0; i <= 2000; i++) { # along the four sides
			a = south + (north - south) * i / 2000
			if (km(lat, lon, a, west) <= 1 || km(lat, lon, a, east) <= 1) return 1
			a = west + (east - west) * i / 2000
			if (km(lat, lon, south, a) <= 1 || km(lat, lon, north, a) <= 1) return 1
		}
		return 0
	}
	{
		name = $(NF - 1)
		if (name == "Various" || name == "Congo") next
		number++; lat = $(NF - 3) + 0; lon = $(NF - 2) + 0
		if ('"$1"') printf "%s%d", sep, number
		sep = (sep == "" && !('"$1"')) ? "" : " "
	}' rows.csv
}

compare() { # compare OFFICE FEED CONDITION FILTER...
	computed "$3" | xargs -n 1 >wanted
	received "$1" "$2" "${@:4}" | xargs -n 1 >got
	expect_same "feed $2 (${*:4})" "" "$(diff wanted got | head -n 5)"
}

step "whole, by country, by area, and both"
compare th.blo.demo all 1
expect_same "all that was accepted" "$accepted" "$(received vn.atu.demo all | wc -w)"
compare th.blo.demo china 'name == "China"' --country CN
compare th.blo.demo mekong 'name ~ /^(Cambodia|Laos|Myanmar|Thailand|Vietnam)$/' --country KH,LA,MM,TH,VN
compare vn.blo.demo hanoi 'near(21.03, 105.85, 120)' --near 21.03,105.85,120
compare vn.blo.demo gulf 'box(5, 99, 13, 106)' --bbox 5,99,13,106
compare vn.blo.demo south 'box(-35, 10, 0, 45) && name ~ /^(Zambia|Zimbabwe)$/' --bbox=-35,10,0,45 --country ZM,ZW
compare kh.ncc.demo either 'near(13.7, 100.5, 300) || near(22.5, 114.0, 80)' --near 13.7,100.5,300 --near 22.5,114.0,80
compare kh.ncc.demo none 0 --min-severity SEVERE

step "areas drawn by lot"
for n in 1 2 3 4 5 6 7 8 9 10; do
	lat=$((RANDOM % 40 - 5)).$((RANDOM % 90 + 10)) lon=$((RANDOM % 60 + 70)).$((RANDOM % 90 + 10)) km=$((RANDOM % 1500 + 1))
	compare th.atu.demo "near$n" "near($lat, $lon, $km)" --near="$lat,$lon,$km"
	south=$((RANDOM % 30 - 10)) west=$((RANDOM % 50 + 70))
	north=$((south + RANDOM % 15 + 1)) east=$((west + RANDOM % 20 + 1))
	compare th.atu.demo "box$n" "box($south, $west, $north, $east)" --bbox="$south,$west,$north,$east"
done

finish
