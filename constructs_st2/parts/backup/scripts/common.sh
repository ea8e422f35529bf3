#!/bin/sh
# Read by the scripts of backups: names and ages of backups, and the login to MongoDB.
# usage: . common.sh     RELEASE, FOLDER and STATE are in the environment, and PASSWORD_FILE where MongoDB is asked
#
# A backup is a folder RELEASE-<UTC time> with a manifest.json, which is its last file to come and its first to go.
# Whatever has none is work of a run that is not over, or leftovers of one that failed.

now=${NOW:-$(date +%s)}

fail() {
    echo "$*" >&2
    exit 1
}

# usage: begin     gives the backup that this pod makes its name
begin() {
    echo "$RELEASE-$(date -u -d "@$now" +%Y%m%dT%H%M%SZ)" >"$STATE/name"
}

# The name of that backup, and the folder in which it comes into being.
name() {
    cat "$STATE/name"
}

work() {
    echo "$FOLDER/.partial-$(name)"
}

# usage: is_backup NAME     whether it is a name of this release's backups
is_backup() {
    case $1 in
        "$RELEASE"-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z) ;;
        *) return 1 ;;
    esac
}

# usage: own     passes on those lines that are names of this release's backups
own() {
    while IFS= read -r line; do
        ! is_backup "$line" || echo "$line"
    done
}

# usage: made NAME     when it was made, as a number that grows with time
made() {
    made_time=${1#"$RELEASE-"}
    made_time=${made_time%Z}
    echo "${made_time%T*}${made_time#*T}"
}

# usage: older_than SECONDS     passes on those names whose backups were begun longer ago
older_than() {
    cutoff=$(date -u -d "@$((now - $1))" +%Y%m%d%H%M%S)
    while IFS= read -r line; do
        [ "$(made "$line")" -ge "$cutoff" ] || echo "$line"
    done
}

# usage: discard_on_failure FOLDER     removes it if the script fails: the next run needs its space
discard_on_failure() {
    discarded=$1
    trap '[ $? -eq 0 ] || rm -rf "$discarded"' EXIT
}

# usage: login     writes the password to where MongoDB's tools read it, and prints the path: arguments can be seen
login() {
    login_file=${TMPDIR:-/tmp}/login.yaml
    password=$(sed 's/\\/\\\\/g; s/"/\\"/g; s/	/\\t/g' "$PASSWORD_FILE")
    [ -n "$password" ] || fail "$PASSWORD_FILE is empty"
    (umask 077 && printf 'password: "%s"\n' "$password" >"$login_file")
    echo "$login_file"
}

# usage: encrypt     where backups are encrypted, makes of $target the same place, seen through rclone's encryption
# rclone wants the password "obscured" (https://rclone.org/crypt/). Names of backups and files stay readable, so that one
# finds them without the password.
encrypt() {
    [ -n "${ENCRYPTION_PASSWORD_FILE:-}" ] || return 0
    [ -s "$ENCRYPTION_PASSWORD_FILE" ] || fail "$ENCRYPTION_PASSWORD_FILE is empty"
    RCLONE_CONFIG_ENCRYPTED_PASSWORD=$(printf %s "$(cat "$ENCRYPTION_PASSWORD_FILE")" | rclone obscure -)
    export RCLONE_CONFIG_ENCRYPTED_PASSWORD
    export RCLONE_CONFIG_ENCRYPTED_TYPE=crypt
    export RCLONE_CONFIG_ENCRYPTED_REMOTE="$target"
    export RCLONE_CONFIG_ENCRYPTED_FILENAME_ENCRYPTION=off
    export RCLONE_CONFIG_ENCRYPTED_DIRECTORY_NAME_ENCRYPTION=false
    # The folder of backups is its root.
    target=encrypted:
}

# usage: checksums FOLDER     the files of a backup, in the form of sha256sum
checksums() {
    (cd "$1" && find . -type f ! -name SHA256SUMS ! -name manifest.json -exec sha256sum {} + | LC_ALL=C sort -k 2)
}
