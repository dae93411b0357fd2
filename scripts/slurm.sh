#!/bin/sh
# Runs the tests of integration/slurm on a real Slurm: a cluster of one node, this machine, whose
# daemons live in a folder of their own and end with the tests. Installs Slurm and munge from the
# system's packages. Where they cannot be started, the tests fail.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh slurmctld slurmd sbatch:slurm-client munged:munge python3
if [ "$(id -u)" != 0 ]; then
  sudo -n true 2>/dev/null && exec sudo -n "$0"
  echo "Slurm's daemons must be started as root: run 'sudo make slurm'" >&2
  exit 1
fi
exec python3 -m unittest --verbose Tests/Slurm/test_slurm.py
