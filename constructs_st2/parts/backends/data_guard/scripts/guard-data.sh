#!/bin/sh
# Run by the init container guard-data, before the server of a member touches its data: ends with one sentence where
# the data is another member's, another version's that this one cannot read, or of the Helm chart. Else it notes beside
# the data who is about to write it.
# usage: guard-data.sh NAME VERSION MEMBER PATTERN...     patterns of the versions whose data this version reads
# In the environment: FOREIGN, a pattern of what the chart leaves on a volume; FORMATS, what the server calls the version
# of its formats, if it keeps older ones (reconcile.sh notes it); RETURNING, patterns of newer versions whose data it
# reads while the formats are of its own version; ACCEPTED, the version whose data somebody wants to be taken.
set -eu

name=$1
version=$2
member=$3
shift 3
note=${DATA_NOTE:-/data/constructs-st2.note}

# kubectl describe shows it, too.
refuse() {
    echo "$1" | tee "${TERMINATION_LOG:-/dev/termination-log}" >&2
    exit 1
}

# Whether a version is among patterns.
among() {
    among=$1
    shift
    for pattern in "$@"; do
        # shellcheck disable=SC2254  # they are patterns
        case $among in $pattern) return 0 ;; esac
    done
    return 1
}

# Whether this version can be started after one that was newer.
leads_back() {
    # shellcheck disable=SC2086  # a list of patterns
    [ "$formats" = "$version" ] && among "$noted" ${RETURNING:-}
}

# No file of a name is as those patterns are.
set -f
formats=
if [ -s "$note" ]; then
    { read -r noted && read -r owner; } <"$note" || refuse "$note is damaged: delete it, if $name $version reads the data"
    formats=$(sed -n 3p "$note")
    [ "$owner" = "$member" ] ||
        refuse "the data on this volume is that of $owner, and this is $member: nothing was started (if that is meant, delete $note)"
    if [ "$noted" != "${ACCEPTED:-}" ]; then
        among "$noted" "$@" || leads_back ||
            refuse "$name $noted wrote the data, and $name $version cannot read it: nothing was started; set the image back to $noted"
        [ -z "$formats" ] || among "$formats" "$@" ||
            refuse "${FORMATS:-the version of the formats} is $formats, with which $name $version does not start: nothing was started; set the image back to $noted, and ${FORMATS:-the formats} to it before the next step"
    fi
else
    # Without a note nothing of this release has been here. What the Helm chart leaves on a volume is a pattern: the
    # server would read it in the midst of the chart's own members, or begin empty beside it.
    set +f
    # shellcheck disable=SC2086
    for found in "$(dirname "$note")"/${FOREIGN:-}; do
        [ -z "${FOREIGN:-}" ] || [ ! -e "$found" ] ||
            refuse "this volume has data of the Helm chart's $name ($found): nothing was started; constructs-st2 adopt tells how to come from the chart (if nobody wants the data, delete it)"
    done
fi

{
    printf '%s\n%s\n' "$version" "$member"
    [ -z "$formats" ] || echo "$formats"
} >"$note.new"
mv "$note.new" "$note"
