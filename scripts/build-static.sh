#!/bin/sh
# Builds the release binary with the Swift runtime in it, and prints its path. It looks for libraries
# in lib/savi-ckpt beside its folder first; the second place is where a wheel keeps them until it is
# installed. Nothing links against it, so it exports nothing, and what nobody calls is left out.
set -eu
cd "$(dirname "$0")/.."
set -- -c release --product savi-ckpt --static-swift-stdlib --scratch-path .build-dist \
  -Xlinker --disable-new-dtags -Xlinker --gc-sections \
  -Xlinker "--version-script=$PWD/scripts/no-exports.map" \
  -Xlinker -rpath -Xlinker "\$ORIGIN/../lib/savi-ckpt:\$ORIGIN/../data/lib/savi-ckpt"
swift build "$@" >&2
echo "$(swift build "$@" --show-bin-path)/savi-ckpt"
