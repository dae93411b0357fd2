#!/bin/sh
# Unpacks the release tarball of savi-ckpt into a folder and prints the folder to put on the path.
#
#     setup.sh ARCHIVE FOLDER
#
# ARCHIVE is a path or an http(s) address. Nothing else needs to be installed.
set -eu
archive=$1
folder=$2
mkdir -p "$folder"
case "$archive" in
http://* | https://*)
  curl --fail --silent --show-error --location --retry 3 --output "$folder/archive.tar.gz" "$archive"
  archive="$folder/archive.tar.gz"
  ;;
esac
tar -xzf "$archive" -C "$folder" --strip-components=1
"$folder/bin/savi-ckpt" --version >&2
echo "$folder/bin"
