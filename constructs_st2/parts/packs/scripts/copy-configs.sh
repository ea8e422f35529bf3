#!/bin/sh
# Run by init containers: copies the files of a mounted ConfigMap or Secret into a volume that has other files as well.
# usage: copy-configs.sh FROM TO
set -eu

from=$1
to=$2

new=$to/.constructs-st2.$(uname -n)
trap 'rm -f "$new"' EXIT

[ -d "$from" ] || {
    echo "there is no $from" >&2
    exit 1
}
# The kubelet keeps the files of a volume in folders whose names begin with two dots.
for path in "$from"/* "$from"/.[!.]*; do
    [ -f "$path" ] || continue
    file=${path##*/}
    if [ -d "$to/$file" ]; then
        echo "$to/$file is a folder: it cannot become a file" >&2
        exit 1
    fi
    if [ ! -L "$to/$file" ] && cmp -s "$path" "$to/$file"; then
        continue
    fi
    # A killed run can leave one that cannot be written.
    rm -f "$new"
    cp "$path" "$new"
    mv -f "$new" "$to/$file"
    echo "$file: written"
done
