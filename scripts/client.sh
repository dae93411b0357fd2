#!/bin/sh
# Builds a package outside of this repository against a clone of its last commit, and runs it: what a
# client of the library sees, and nothing else.
set -eu
cd "$(dirname "$0")/.."
repository=$PWD
# Always the same place: SwiftPM keeps a copy of every repository that it was ever given.
folder=$repository/.build-client
rm -rf "$folder"
mkdir -p "$folder/written"

# Only what is committed, under the name that a client's manifest gives it.
git clone -q --bare . "$folder/savi-ckpt.git"
git -C "$folder/savi-ckpt.git" branch -qf main "$(git rev-parse HEAD)"
cp -R Tests/Client "$folder/client"
cd "$folder/client"
export SAVI_CKPT="$folder/savi-ckpt.git"
swift build --quiet --scratch-path "$folder/build"
programs=$folder/build/debug

fail() {
  echo "client.sh: $1" >&2
  exit 1
}

# The client asked for no HDF5: nothing of libhdf5 was compiled.
[ ! -e "$programs/CHDF5.build" ] || fail "CHDF5 is built without its trait"

# The example of docs/library.md.
cp "$repository/Tests/Fixtures/golden/tiny_perturbed_torch.pt" model.pth
"$programs/Example" model.pth "$repository/Tests/Fixtures/models/savi-tiny.json" model.npz >said
grep -qx "no differences" said || fail "the example finds a difference: $(cat said)"
grep -q "^corrector.layernorm_input.weight begins with \[" said || fail "the example reads no row"

# Errors are one line, with the command's exit codes.
status=0
"$programs/Example" 2>error || status=$?
[ "$status" = 64 ] || fail "wrong usage ends with $status"
status=0
"$programs/Example" nothing.pth x x.npz 2>error || status=$?
[ "$status" = 2 ] || fail "bad input ends with $status"
[ "$(cat error)" = "error: nothing.pth: cannot open this file: No such file or directory; check the path" ] ||
  fail "a missing file is told as: $(cat error)"

"$programs/Check" "$repository/samples" "$folder/written"
