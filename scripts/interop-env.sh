#!/bin/sh
# Prints the Python of the interop environment: the real frameworks at pinned versions, in a virtual
# environment that is kept in the user's cache and made anew only when its requirements change.
#
#     scripts/interop-env.sh [FOLDER]    that of the tests in FOLDER (Tests/Interop)
set -eu
cd "$(dirname "$0")/.."

requirements=${1:-Tests/Interop}/requirements.txt
key=$(cat "$requirements" | cksum | cut -d' ' -f1)
environment="${XDG_CACHE_HOME:-$HOME/.cache}/savi-ckpt/interop-$key"

if [ ! -f "$environment/ready" ]; then
  command -v python3 >/dev/null || {
    echo "this needs python3 (3.11 or later) with venv: apt-get install python3-venv" >&2
    exit 1
  }
  rm -rf "$environment"
  mkdir -p "$(dirname "$environment")"
  echo "installing $(tr '\n' ' ' <"$requirements")into $environment" >&2
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
  touch "$environment/ready"
fi
echo "$environment/bin/python"
