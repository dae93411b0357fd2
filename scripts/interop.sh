#!/bin/sh
# Runs Tests/Interop: savi-ckpt against the real frameworks.
set -eu
cd "$(dirname "$0")/.."
python=$(scripts/interop-env.sh)
SAVI_CKPT="${SAVI_CKPT:-$PWD/.build/release/savi-ckpt}" \
  exec "$python" -m pytest -q -p no:cacheprovider Tests/Interop "$@"
