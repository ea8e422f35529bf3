#!/bin/sh
# Run by the init container: gives mongod the key that the members know each other by.
# usage: prepare.sh
set -eu

# The group of the pod may read what is in a Secret's volume, and mongod refuses a key that anybody else can read.
# A key from before may be there, which nobody can write to; install replaces it.
install -m 0400 /etc/constructs-st2/secret/mongodb-replica-set-key /etc/constructs-st2/keyfile/keyfile
