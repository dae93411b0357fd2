#!/bin/sh
# Measures savi-ckpt beside what a user would otherwise run, on this machine, in one run.
set -eu
cd "$(dirname "$0")/.."
python=$(scripts/interop-env.sh)
exec "$python" Benchmarks/bench.py .build/release/savi-ckpt "$(scripts/build-static.sh)" "$@"
