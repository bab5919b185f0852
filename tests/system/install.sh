#!/usr/bin/env bash
# usage: install.sh PROGRAM:PACKAGE|PACKAGE ...
# Installs the Debian packages of programs, and the other packages, that are not there; needs apt-get, as
# root or with sudo.
set -euo pipefail

is_there() {
    case "$1" in
        *:*) command -v "${1%%:*}" >/dev/null ;;
        *) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
    esac
}

packages=()
programs=()
for pair in "$@"; do
    is_there "$pair" || {
        programs+=("${pair%%:*}")
        packages+=("${pair#*:}")
    }
done
[ ${#packages[@]} -eq 0 ] && exit 0

give_up() {
    echo "make test-system needs ${programs[*]} (Debian: ${packages[*]}), and $1: install them by hand" >&2
    exit 1
}
command -v apt-get >/dev/null || give_up "there is no apt-get here"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || give_up "this is neither root nor is there sudo"
    as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -q -y --no-install-recommends "${packages[@]}"
