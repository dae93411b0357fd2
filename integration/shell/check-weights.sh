#!/bin/sh
# For any CI system: fails where weights are not what they should be.
#
#     SCHEMA=weights.yaml check-weights.sh checkpoints/ model.safetensors
#
# Writes weights.junit.xml beside what it prints. Set BASELINE to a file of waived findings, and
# FAIL_ON to "warning" to be strict.
set -eu
: "${SCHEMA:?set SCHEMA to a built-in schema or a file}"
set -- "$@" --schema "$SCHEMA" --fail-on "${FAIL_ON:-error}" --output junit=weights.junit.xml
[ -z "${BASELINE:-}" ] || set -- "$@" --baseline "$BASELINE"
exec "${SAVI_CKPT:-savi-ckpt}" validate "$@"
