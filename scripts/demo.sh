#!/bin/sh
# The main job on the shipped sample, step by step. Writes into demo-output/.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.build/release:$PATH"
out=demo-output
mkdir -p "$out"

step() {
  printf '\n\033[1m%s\033[0m\n' "$1" | if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then cat; else sed 's/\x1b\[[01]m//g'; fi
  shift
  echo "\$ $*"
  "$@"
}

step "1. What is in the Flax checkpoint?" savi-ckpt ls samples/savi-small.flax.npz --include GRU
step "2. Convert it to PyTorch: names, layouts, format." \
  savi-ckpt convert samples/savi-small.flax.npz -o $out/savi-small.pt --force
step "3. How was one tensor made?" \
  savi-ckpt map explain corrector.gru.weight_ih --map savi-small
step "4. The published parameter table, from the converted file." \
  savi-ckpt stats $out/savi-small.pt
step "5. And back again: the same bytes as the sample?" \
  savi-ckpt convert $out/savi-small.pt --reverse -o $out/savi-small.flax.npz --force
cmp samples/savi-small.flax.npz $out/savi-small.flax.npz
echo "identical to samples/savi-small.flax.npz, byte for byte"
step "6. Does the converted model behave the same? Run both, and compare stage by stage." \
  savi-ckpt verify samples/savi-small.flax.npz $out/savi-small.pt
step "7. What does it compute? Input, flow, masks and attention, in $out/clip-0.png." \
  savi-ckpt run $out/savi-small.pt --conventions flax --frames 4 --png $out --force
