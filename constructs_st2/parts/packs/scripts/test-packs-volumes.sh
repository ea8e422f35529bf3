#!/bin/sh
# Run by a Job before anybody relies on shared volumes: can packs and virtualenvs live there?
# usage: test-packs-volumes.sh DIRECTORY ...
# shellcheck disable=SC2317     # can() calls the functions
set -eu

script='#!/bin/sh
echo ran'
test=.constructs-st2-test.$(uname -n).$$
failed=0

trap 'for directory; do rm -rf "$directory/$test"; done' EXIT

# usage: hint WHAT ERROR     says what to do about the failure
hint() {
    case "$1: $2" in
        *'Read-only file system'*)
            echo "the volume is mounted read-only: look for readOnly in the pod, the claim and the volume"
            ;;
        *'No space left'* | *'quota exceeded'*)
            echo "the volume is full: $(df -k "$directory" | tail -n 1)"
            ;;
        'run a program:'*)
            echo "is it mounted with noexec? Take that out of the mount options of the volume"
            ;;
        'make a symbolic link:'*)
            echo "virtualenvs have symbolic links; SMB (CIFS) has them with the mount option mfsymlinks"
            ;;
        *'ermission denied'* | *'not permitted'*)
            echo "owner and mode of $directory are $(stat -c '%u:%g %a' "$directory"), this runs as $(id -u):$(id -g)" \
                "(groups $(id -G)): give it to that user or group, at the server or by the fsGroup of the pods"
            ;;
        *) echo "see the events of the pod and of the claim" ;;
    esac
}

# usage: can WHAT COMMAND ...
can() {
    what=$1
    shift
    if error=$("$@" 2>&1); then
        return 0
    fi
    failed=1
    writable=
    echo "$name: cannot $what: $error" >&2
    echo "$name: $(hint "$what" "$error")" >&2
    return 1
}

create() {
    echo "$script" | cat >"$folder/file"
}

read_back() {
    content=$(cat "$folder/file") || return 1
    [ "$content" = "$script" ] || {
        echo "it has another content: $content"
        return 1
    }
}

run() {
    chmod 755 "$folder/file" && "$folder/file"
}

rename() {
    mv "$folder/file" "$folder/renamed" && mv "$folder/renamed" "$folder/file"
}

symlink() {
    ln -s file "$folder/link" && cat "$folder/link"
}

# Where the first steps fail, the others would fail by the same reason.
test_directory() {
    folder=$directory/$test
    can "make a folder" mkdir "$folder" || return 0
    if can "create a file" create; then
        can "read what was written" read_back || true
        can "rename a file" rename || true
        can "run a program" run || true
        can "make a symbolic link" symlink || true
    fi
    can "delete" rm -r "$folder" || true
}

is_mount() {
    awk -v directory="$1" '$5 == directory { found = 1 } END { exit !found }' /proc/self/mountinfo
}

for directory; do
    name=${directory##*/}
    writable=yes
    if [ ! -d "$directory" ]; then
        echo "$name: there is no $directory" >&2
        failed=1
    elif ! is_mount "$directory"; then
        echo "$name: no volume is mounted at $directory" >&2
        failed=1
    else
        test_directory
        [ -z "$writable" ] || echo "$name: writable"
    fi
done
echo "many pods share these volumes: the access mode of their claims must be ReadWriteMany, which this does not test"
exit "$failed"
