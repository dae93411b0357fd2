#!/bin/sh
# Stands in for the process that describes an HDF5 file: prints the answer that lies beside it.
exec cat "${2%/*}/answer"
