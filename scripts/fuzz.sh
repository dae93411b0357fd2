#!/bin/sh
# Fuzzes every target of Fuzz/targets, or those named, for SECONDS each. Stops at the first finding
# and says where its input is. What covers something new is kept in .build-fuzz/corpus, so that
# every run begins where the last one ended.
#
#     scripts/fuzz.sh SECONDS [TARGET…]
set -eu
cd "$(dirname "$0")/.."
seconds=${1:?how many seconds for each target}
shift
wanted=" $* "
place=.build-fuzz

# A trap must reach libFuzzer, not Swift's own backtraces. What is freed is remembered for a while;
# the default 256 MiB would count towards the limit of memory.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS="quarantine_size_mb=16:${ASAN_OPTIONS:-}"
# Inputs go through files: in memory where there is such a folder.
[ -d /dev/shm ] && export TMPDIR=/dev/shm

rm -rf "$place/seeds"
mkdir -p "$place/findings" "$place/logs"
python3 Fuzz/make_seeds.py "$place/seeds"
# How this program is asked to describe an HDF5 file.
request=$(sed -n 's/.* request = "\(.*\)"/\1/p' Sources/CheckpointFormats/HDF5/HDF5Helper.swift)
mkdir -p "$place/seeds/hdf5-answer"
for file in Tests/Fixtures/hdf5/[!s]*.h5; do
  "$place/release/fuzz" "$request" "$file" >"$place/seeds/hdf5-answer/$(basename "$file")"
done

# The seeds of a target: files no longer than its inputs.
collect_seeds() {
  for pattern in $3; do
    [ "$pattern" != made ] || continue
    # shellcheck disable=SC2086 -- a pattern of files.
    find $pattern -size "-$(($2 + 1))c" -exec cp {} "$place/seeds/$1" \;
  done
}

# Ten seconds for an input, half a gigabyte for one allocation and one for all, are a thousand times
# what a good input of this length takes: a hang and an allocation without bound are findings.
fuzz() {
  mkdir -p "$place/seeds/$1" "$place/corpus/$1"
  collect_seeds "$@"
  dictionary=
  [ ! -f "Fuzz/dictionaries/$1.dict" ] || dictionary=-dict=Fuzz/dictionaries/$1.dict
  log=$place/logs/$1
  if ! "$place/release/fuzz" "--target=$1" -max_len="$2" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=1024 -malloc_limit_mb=512 ${dictionary:+"$dictionary"} -print_final_stats=1 \
    -artifact_prefix="$place/findings/$1-" "$place/corpus/$1" "$place/seeds/$1" >"$log" 2>&1; then
    grep -aE 'Fatal error|ERROR:|SUMMARY:|Test unit written' "$log" >&2 || tail -n 20 "$log" >&2
    # The innermost frame that is ours.
    grep -am1 '^ *#.*/Sources/' "$log" >&2 || true
    echo "fuzzing $1 found something; the whole report is in $log" >&2
    exit 1
  fi
  awk -v name="$1" '/number_of_executed_units/ { n = $2 } END { print name ": " n " inputs" }' "$log"
}

grep -v '^#' Fuzz/targets | while read -r name length seeds; do
  case $wanted in
    "  " | *" $name "*) fuzz "$name" "$length" "$seeds" </dev/null ;;
  esac
done
