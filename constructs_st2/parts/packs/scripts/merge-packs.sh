#!/bin/sh
# Run by init containers: brings the packs of an image, each with its virtualenv, into the volumes of the pod.
# usage: merge-packs.sh MODE NAME SOURCE TARGET     SOURCE and TARGET have the folders packs and virtualenvs
#   MODE copy: copies them
#   MODE link: makes symbolic links, because SOURCE stays mounted at the same place
#   MODE system: copies the packs of st2 itself, which win over the ones of the same names, except `default`
set -eu

mode=$1
name=$2
source=$3
target=$4

host=$(uname -n)
work=.constructs-st2/$host.$(date +%s)
packs=0
virtualenvs=0

fail() {
    echo "$name: $*" >&2
    exit 1
}

exists() {
    [ -e "$1" ] || [ -L "$1" ]
}

# usage: each FOLDER FUNCTION     calls the function with the name of each folder in it, hidden ones as well
each() {
    for path in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        [ ! -d "$path" ] || "$2" "${path##*/}"
    done
}

# On NFS, a file that a process of this node uses cannot be removed: it gets another name until nobody uses it.
discard() {
    exists "$1" || return 0
    [ -L "$1" ] || chmod -R u+rwX "$1" 2>/dev/null || true
    rm -rf "$1" 2>/dev/null || echo "$name: cannot remove all of $1 now; a later run does" >&2
}

# Each volume has a work folder, so that a finished copy comes into its place by a rename.
begin() {
    for kind in packs virtualenvs; do
        for left in "$target/$kind/.constructs-st2"/*; do
            [ -d "$left" ] || continue
            # Of a run of this pod that was killed, or of any other so long ago that it cannot run any more.
            case ${left##*/} in
                "$host".[0-9]*) discard "$left" ;;
                *) [ -z "$(find "$left" -prune -mtime +1)" ] || discard "$left" ;;
            esac
        done
        mkdir -p "$target/$kind/$work" || fail "cannot write into $target/$kind as user $(id -u), group $(id -g)"
    done
}

end() {
    for kind in packs virtualenvs; do
        discard "$target/$kind/$work"
        # It stays while another pod has its work in it.
        rmdir "$target/$kind/.constructs-st2" 2>/dev/null || true
    done
}

# usage: stage KIND PACK     makes the new one in the work folder
stage() {
    from=$source/$1/$2
    new=$target/$1/$work/new
    if [ "$mode" = link ]; then
        ln -s "$from" "$new"
        return
    fi
    # The cp of busybox complains that files cannot keep their owner, which is no failure to it either.
    errors=$({ cp -aH "$from" "$new" 2>&1 || echo "cp ended with status $?"; } |
        grep -v "can't preserve ownership of" | head -n 5)
    case $errors in
        '') ;;
        *'ermission denied'*)
            fail "cannot read all of $from as user $(id -u); build the image with \`chmod -R a+rX\` on its packs" \
                "and virtualenvs:" "$errors"
            ;;
        *) fail "cannot copy $from:" "$errors" ;;
    esac
    # A folder can be moved only by a user who can write into it.
    chmod u+w "$new"
}

# usage: place KIND PACK     replaces the old one by the staged one, if there is one
place() {
    old=$target/$1/$2
    new=$target/$1/$work/new
    if exists "$old"; then
        [ -L "$old" ] || chmod u+w "$old" 2>/dev/null || true
        mv "$old" "$target/$1/$work/old" || fail "cannot replace $old as user $(id -u): $(ls -ld "$old")"
    fi
    if exists "$new"; then
        mv "$new" "$old"
    fi
}

bring() {
    if [ -d "$source/virtualenvs/$1" ]; then
        stage virtualenvs "$1"
        virtualenvs=$((virtualenvs + 1))
    elif exists "$target/virtualenvs/$1"; then
        echo "virtualenv $1: removed, because $name brings the pack without one"
    fi
    if [ -d "$source/packs/$1" ]; then
        stage packs "$1"
        packs=$((packs + 1))
        if exists "$target/packs/$1"; then
            echo "pack $1: $name replaces the one that was there"
        fi
    fi
    place virtualenvs "$1"
    if [ -d "$source/packs/$1" ]; then
        place packs "$1"
    fi
    for kind in packs virtualenvs; do
        discard "$target/$kind/$work/old"
    done
}

bring_pack() {
    if [ "$mode" = system ] && [ "$1" = default ] && exists "$target/packs/default"; then
        echo "pack default: the one that is there stays"
    else
        bring "$1"
    fi
}

bring_lone_virtualenv() {
    [ -d "$source/packs/$1" ] || bring "$1"
}

# usage: pythons ENVIRONMENT     the versions of Python that it is made for
pythons() {
    for folder in "$1"/lib/python3.*; do
        [ ! -d "$folder" ] || echo "${folder##*/python}"
    done
}

check_virtualenv() {
    made_for=$(pythons "$target/virtualenvs/$1")
    case $made_for in
        '' | *"$python"*) ;;
        *)
            echo "virtualenv $1 is made for Python $made_for, st2 runs $python: its actions will fail;" \
                "rebuild the packs image from the image of this st2 version" >&2
            ;;
    esac
}

case $mode in
    copy | link | system) ;;
    *) fail "the mode is copy, link or system, not $mode" ;;
esac
if [ ! -d "$source/packs" ] && [ ! -d "$source/virtualenvs" ]; then
    fail "there is neither $source/packs nor $source/virtualenvs; the image must hold packs in" \
        "/opt/stackstorm/packs, and their virtualenvs in /opt/stackstorm/virtualenvs"
fi
for kind in packs virtualenvs; do
    [ -d "$source/$kind" ] || echo "$name: there is no $source/$kind"
done

trap end EXIT
begin
each "$source/packs" bring_pack
each "$source/virtualenvs" bring_lone_virtualenv
if [ "$mode" = system ]; then
    python=$(pythons "$source/st2")
    [ -z "$python" ] || each "$target/virtualenvs" check_virtualenv
fi
echo "$name: $packs packs, $virtualenvs virtualenvs"
