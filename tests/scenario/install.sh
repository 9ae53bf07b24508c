#!/usr/bin/env bash
# `make install` puts everything where PREFIX and DESTDIR say, it works from there, and uninstall takes all of it away.
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
in_tree() { make --no-print-directory -s BUILD="${BUILD#"$ROOT"/}" DESTDIR="$TMP/root" PREFIX=/opt/liaison "$@"; }

step "install"
expect_exit 0 in_tree install
root=$TMP/root/opt/liaison
expect_exit 0 "$root/bin/liaisond" --version
expect_exit 0 "$root/bin/liaison" --version
for file in share/man/man8/liaisond.8 share/man/man1/liaison.1 share/liaison/liaisond.conf share/liaison/crossings.conf \
	share/liaison/examples/route-road.json lib/systemd/system/liaisond.service; do
	check "$file is there" test -f "$root/$file"
	expect_same "mode of $file" 644 "$(stat -c %a "$root/$file")"
done
check "nothing outside of PREFIX" test "$(ls "$TMP/root" "$TMP/root/opt")" = "$(printf '%s:\nopt\n\n%s:\nliaison' "$TMP/root" "$TMP/root/opt")"
check "the services start what was installed" grep -q '^ExecStart=/opt/liaison/bin/liaisond ' \
	"$root/lib/systemd/system/liaisond.service"
check "no other prefix is left in them" test -z "$(grep -rl /usr/local "$root/lib")"

step "the manuals know every command and option"
for option in $(liaisond --help | grep -oE '^ +(-[a-zA-Z], +)?--[a-z-]+' | grep -oE '[a-z-]+$' | grep -vE '^--(help|usage|version)$'); do
	check "liaisond.8 has $option" grep -qE "Fl Fl ${option#--}( |$)" config/man/liaisond.8
done
for command in $(liaison --help | sed -n 's/^  \([a-z]\{3,\}\) .*/\1/p'); do
	check "liaison.1 has $command" grep -qE "Cm $command( |$)" config/man/liaison.1
done

step "uninstall"
expect_exit 0 in_tree uninstall
expect_same "files that are left" "" "$(find "$TMP/root" -type f)"

finish
