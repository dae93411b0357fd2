#!/bin/sh
# Makes sure of what the build needs: a Swift toolchain and the development files of libzip,
# libdeflate, libzstd, OpenSSL, HDF5, libyaml and OpenBLAS. Installs the packages on Debian and Ubuntu;
# elsewhere, or without the right to, says which are missing.
#
#     scripts/setup.sh [COMMAND[:PACKAGE]…]    these commands too, from the packages of their names
set -eu

if ! command -v swift >/dev/null; then
  echo "savi-ckpt needs a Swift 6.3 toolchain: see https://www.swift.org/install/" >&2
  exit 1
fi

# package:pkg-config module
missing=""
for command in pkg-config "$@"; do
  command -v "${command%%:*}" >/dev/null || missing="$missing ${command##*:}"
done
for pair in libzip-dev:libzip libdeflate-dev:libdeflate libzstd-dev:libzstd \
  libssl-dev:libcrypto libhdf5-dev:hdf5-serial libyaml-dev:yaml-0.1 libopenblas-dev:openblas; do
  pkg-config --exists "${pair##*:}" 2>/dev/null || missing="$missing ${pair%%:*}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "missing development packages (their Debian names):$missing" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  run=""
elif sudo -n true 2>/dev/null; then
  run="sudo -n --preserve-env=DEBIAN_FRONTEND"
else
  echo "missing packages; install them with: sudo apt-get install$missing" >&2
  exit 1
fi
echo "installing$missing" >&2

# Runs a step of the package manager, and waits while another program uses it: a machine that has
# just started is often busy with its own updates. `DPkg::Lock::Timeout` covers the lock of the
# packages, not that of the lists; other failures end the step at once.
limit=${SAVI_CKPT_LOCK_SECONDS:-600}
with_lock() {
  waited=0
  while ! output=$("$@" 2>&1); do
    case $output in
    *"Could not get lock"* | *"Unable to lock"* | *"Unable to acquire"*) ;;
    *) fail "$output" ;;
    esac
    [ "$waited" -lt "$limit" ] || fail "$output"
    [ "$waited" -gt 0 ] || echo "waiting for the package manager, which another program is using" >&2
    sleep 2
    waited=$((waited + 2))
  done
}
fail() {
  echo "$1" >&2
  echo "the packages could not be installed:$missing" >&2
  exit 1
}

export DEBIAN_FRONTEND=noninteractive
with_lock $run apt-get update -qq
# shellcheck disable=SC2086 -- a list of package names.
with_lock $run apt-get install -y -qq -o DPkg::Lock::Timeout=2 $missing
