#!/bin/sh
# Makes sure of what the build needs: a Swift toolchain and the development files of libzip and
# zlib. Installs the packages on Debian and Ubuntu; elsewhere, or without the right to, says which
# are missing.
set -eu

if ! command -v swift >/dev/null; then
  echo "savi-ckpt needs a Swift 6.3 toolchain: see https://www.swift.org/install/" >&2
  exit 1
fi

# package:header; a header is there whichever way the library was installed.
missing=""
for pair in libzip-dev:zip.h zlib1g-dev:zlib.h; do
  package=${pair%%:*}
  header=${pair##*:}
  if ! echo "#include <$header>" | cc -E -x c - >/dev/null 2>&1; then
    missing="$missing $package"
  fi
done
command -v pkg-config >/dev/null || missing="$missing pkg-config"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "missing development packages (their Debian names):$missing" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  run=""
elif sudo -n true 2>/dev/null; then
  run="sudo"
else
  echo "missing packages; install them with: sudo apt-get install$missing" >&2
  exit 1
fi
echo "installing$missing" >&2
$run apt-get update -qq
# shellcheck disable=SC2086 -- a list of package names.
DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq $missing >/dev/null
