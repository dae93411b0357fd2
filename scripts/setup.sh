#!/bin/sh
# Makes sure of what the build needs: a Swift toolchain and the development files of libzip,
# libdeflate, HDF5 and OpenBLAS. Installs the packages on Debian and Ubuntu; elsewhere, or without
# the right to, says which are missing.
set -eu

if ! command -v swift >/dev/null; then
  echo "savi-ckpt needs a Swift 6.3 toolchain: see https://www.swift.org/install/" >&2
  exit 1
fi

# package:pkg-config module
missing=""
command -v pkg-config >/dev/null || missing=" pkg-config"
for pair in libzip-dev:libzip libdeflate-dev:libdeflate libhdf5-dev:hdf5-serial \
  libopenblas-dev:openblas; do
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
  run="sudo"
else
  echo "missing packages; install them with: sudo apt-get install$missing" >&2
  exit 1
fi
echo "installing$missing" >&2
$run apt-get update -qq
# shellcheck disable=SC2086 -- a list of package names.
DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq $missing >/dev/null
