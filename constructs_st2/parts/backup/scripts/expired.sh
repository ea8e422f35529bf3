#!/bin/sh
# Run by keep.sh and upload.sh: which backups are not kept any more?
# usage: expired.sh COUNT DAYS     names of good backups of this release come in, in any order; those to remove go out
# Kept are the COUNT newest, and all that are not older than DAYS days. RELEASE is in the environment.
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

count=$1
days=$2

LC_ALL=C sort -r | tail -n "+$((count + 1))" | older_than $((days * 86400))
