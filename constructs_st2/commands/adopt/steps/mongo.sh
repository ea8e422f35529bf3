#!/bin/sh
# Prints the command that a pod of MongoDB runs, of the chart or of ours: each finds its password where it has it.
# usage: mongo.sh count-running | counts | dump | restore
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

# The chart's pods have the password in their environment, ours in a file.
# shellcheck disable=SC2016
login='shell=$(command -v mongosh || command -v mongo)
password=${MONGODB_ROOT_PASSWORD:-$(cat /etc/constructs-st2/secret/mongodb-root-password)}
user=${MONGODB_ROOT_USER:-root}
ask() { "$shell" --quiet -u "$user" -p "$password" --authenticationDatabase admin "$1" --eval "$2"; }'
# shellcheck disable=SC2016
unfinished='{status: {$nin: ["succeeded", "failed", "timeout", "canceled", "abandoned", "paused", "pending"]}}'
case $1 in
    count-running) ask="ask $DATABASE 'print(db.live_action_d_b.countDocuments($unfinished))'" ;;
    counts) ask="ask ${2:-$DATABASE} 'db.getCollectionNames().sort().forEach(n => print(n + \" \" + db[n].countDocuments({})))'" ;;
    dump) ask="mongodump --quiet -u \"\$user\" -p \"\$password\" --authenticationDatabase admin --db $DATABASE --archive --gzip" ;;
    restore) ask="mongorestore -u \"\$user\" -p \"\$password\" --authenticationDatabase admin --drop --stopOnError --archive --gzip --nsFrom '$DATABASE.*' --nsTo '$NEW_DATABASE.*'" ;;
    *) fail "there is no $1" ;;
esac
printf '%s\n%s\n' "$login" "$ask"
