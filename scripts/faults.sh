#!/bin/sh
# Runs the fault benchmark, Tests/Interop/faults: does `verify --recordings` find what is wrong?
set -eu
cd "$(dirname "$0")/.."
python=$(scripts/interop-env.sh)
PYTHONPATH=Tests/Interop:python KERAS_BACKEND=numpy \
  exec "$python" -W ignore -m faults --tool "${SAVI_CKPT:-$PWD/.build/release/savi-ckpt}" "$@"
