#!/bin/sh
# Installs savi-ckpt from a file of its release into a folder and prints the folder to put on the path.
#
#     setup.sh RELEASE FOLDER
#
# RELEASE is the wheel, which needs Python 3.9 or later with venv, or the tarball, which needs nothing:
# a path or an http(s) address.
set -eu
release=$1
folder=$2
case "$release" in
*.whl)
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$release" >&2
  ;;
*)
  mkdir -p "$folder"
  case "$release" in
  http://* | https://*)
    curl --fail --silent --show-error --location --retry 3 --output "$folder/release.tar.gz" "$release"
    release="$folder/release.tar.gz"
    ;;
  esac
  tar -xzf "$release" -C "$folder" --strip-components=1
  ;;
esac
"$folder/bin/savi-ckpt" --version >&2
echo "$folder/bin"
