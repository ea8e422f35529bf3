#!/bin/sh
# The main process of containers that serve HTTPS: nginx, which is told when its certificate has been renewed.
# usage: nginx.sh CERTIFICATE COMMAND...     the command that runs nginx
set -eu

certificate=$1
shift
seconds=${RENEWAL_SECONDS:-60}

# The files of a mounted Secret follow it. The kubelet changes all of them at the same moment, key and certificate.
reload_when_renewed() {
    known=$(cksum <"$certificate")
    while sleep "$seconds"; do
        now=$(cksum <"$certificate") || continue
        if [ "$now" != "$known" ]; then
            echo "there is another certificate: nginx takes it for new connections"
            kill -s HUP "$1"
            known=$now
        fi
    done
}

# nginx gets the number of this process.
reload_when_renewed $$ &
exec "$@"
