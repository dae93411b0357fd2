#!/bin/sh
# Runs Tests/Browser: the pages that savi-ckpt writes, in the system's Chromium. With SCREENSHOTS set
# to a folder, its pictures are kept there.
set -eu
cd "$(dirname "$0")/.."
python=$(scripts/interop-env.sh Tests/Browser)
SAVI_CKPT="${SAVI_CKPT:-$PWD/.build/release/savi-ckpt}" \
  exec "$python" -m pytest -q -p no:cacheprovider Tests/Browser "$@"
