#!/usr/bin/env bash
# Real input: 55 legs by which pangolins were smuggled, from a table to alerts to feeds with areas and attributes. What each
# feed received is compared with a computation of its own, in awk, from the table.
. "$(dirname "$0")/lib.sh"
data=${LIAISON_DATA:-$ROOT/../shared/data}
legs=$data/wildlife/china-from-to-coords.csv
[ -r "$legs" ] || skip "SKIPPED: there is no $legs (LIAISON_DATA names the folder)"
cd "$TMP"

step "the table becomes alerts, row by row"
expect_exit 0 liaison convert --from csv --map "$ROOT/config/maps/smuggling-legs.conf" "$legs"
cp out legs.jsonl
rows=$(($(grep -c . "$legs") - 1))
expect_same "rows" 55 "$rows"
expect_err ": $rows in, $rows out, 0 passed over, 0 refused"
expect_lines "$rows" legs.jsonl '^\{.*\}$'

step "rows that are not a leg are refused by line, and the others still go out"
{ cat "$legs" && printf '\nNowhere,Somewhere,north,100,20,100\nA,"B,20,100,20,100\nA,B,,100,20,100\n'; } >bad.csv
expect_exit 65 liaison convert --from csv --map "$ROOT/config/maps/smuggling-legs.conf" bad.csv
expect_same "alerts out" "$rows" "$(grep -c . out)"
expect_err "^liaison: bad.csv:5[7-9]: "
expect_err ": 58 in, $rows out, 0 passed over, 3 refused"

step "all of them are published"
net_up KH,TH,VN
expect_exit 0 at kh.blo.demo publish legs.jsonl
expect_out "^$rows accepted, 0 refused, 0 wait"

# The numbers of the rows that a feed received, in one line.
received() { # received FEED FILTER...
	at th.blo.demo feed --until-end --json "$@" >"$TMP/feed.json" || return
	grep -o '"id":"kh.blo.demo/[0-9]*"' "$TMP/feed.json" | grep -o '[0-9]*"$' | tr -d '"' | sort -n | tr '\n' ' '
}

# The same by awk; the condition sees near(lat, lon, km), box(south, west, north, east) and the row as $0.
computed() { # computed CONDITION
	awk -F, '
	function rad(d) { return d * 3.14159265358979 / 180 }
	function km(a, b, c, d,  h) {
		h = sin(rad(c - a) / 2) ^ 2 + cos(rad(a)) * cos(rad(c)) * sin(rad(d - b) / 2) ^ 2
		return 2 * 6371.0088 * atan2(sqrt(h), sqrt(1 - h))
	}
	function near(lat, lon, radius,  i) {
		for (i = 0; i <= 4000; i++)
			if (km(lat, lon, a + (c - a) * i / 4000, b + (d - b) * i / 4000) <= radius) return 1
		return 0
	}
	function clip(p, q) { # Liang and Barsky: one side of the box cuts [t0, t1]
		if (p == 0) return q >= 0
		if (p < 0 && q / p > t0) t0 = q / p
		if (p > 0 && q / p < t1) t1 = q / p
		return t0 <= t1
	}
	function box(south, west, north, east) {
		t0 = 0; t1 = 1
		return clip(-(d - b), b - west) && clip(d - b, east - b) && clip(-(c - a), a - south) && clip(c - a, north - a)
	}
	NR > 1 { sub(/\r$/, ""); a = $(NF - 3); b = $(NF - 2); c = $(NF - 1); d = $NF + 0; if ('"$1"') printf "%d ", NR - 1 }
	' "$legs"
}

compare() { # compare NAME CONDITION FILTER...
	local name=$1 condition=$2 want got
	shift 2
	want=$(computed "$condition")
	got=$(received "$name" "$@")
	check "there is something to compare for $name" test -n "$want"
	expect_same "rows of feed $name" "$want" "$got"
}

step "each feed has what its filter asks for, no more and no less"
compare all 1
compare myanmar '/Myanmar/' --country MM
compare two '/Myanmar/ || /Vietnam/' --country MM --country VN
compare dongxing 'near(21.5, 108.0, 40)' --near 21.5,108.0,40
compare ruili 'near(24.0, 97.85, 120) || near(22.5, 114.0, 60)' --near 24.0,97.85,120 --near 22.5,114.0,60
compare guangdong 'box(21.0, 110.0, 24.0, 114.0)' --bbox 21.0,110.0,24.0,114.0
compare both '/Myanmar/ && box(24.0, 98.0, 26.0, 101.0)' --country MM --bbox 24.0,98.0,26.0,101.0 --crime WILDLIFE,TIMBER \
	--min-severity SEVERE --kind ROUTE --office kh.blo
expect_same "rows of feed none" "" "$(received none --crime DRUGS)"
expect_same "rows of feed extreme" "" "$(received extreme --min-severity EXTREME)"
expect_same "rows of feed thai" "" "$(received thai --office th)"

step "and all of it stands in the log"
expect_exit 0 at th.blo.demo verify
expect_out "$rows of $rows alerts that this office received stand in that log"

finish
