#!/bin/sh
# The main process of st2client: gives the st2 command line its configuration, and sleeps until it is told to stop.
# usage: client.sh CONFIG_FILE
set -eu

# A bare sleep as process 1 would ignore SIGTERM.
trap 'exit 0' TERM INT

# st2 warns about a folder that others can enter, as the folders of mounted Secrets are; a link follows their changes.
mkdir -p "$HOME/.st2"
chmod 2770 "$HOME/.st2"
ln -sf "$1" "$HOME/.st2/config"

# Its liveness probe (not-stuck.sh) sees that it wakes.
while :; do
    sleep 60 &
    wait $!
done
