#!/bin/sh
# Stands for kubectl where there are no nodes and no controllers. All else the real one does.
set -eu
case " $* " in
*" --help "*) exec "$KUBECTL" "$@" ;;
" apply -f dist/ ")
    # The tests bring back what was changed in the cluster, so files that have not changed since would change nothing.
    set --
    for file in dist/*; do
        cmp -s "$file" "$HOME/applied/${file##*/}" || set -- "$@" -f "$file"
    done
    [ $# = 0 ] || "$KUBECTL" apply "$@"
    [ -d "$HOME/applied" ] || cp -r dist "$HOME/applied"
    exit
    ;;
esac
for word; do
    case $word in
    exec | port-forward | top) exec "$PYTHON" "$NODES" "$word" "$@" ;;
    # Nobody is there to finish it.
    delete) exec "$KUBECTL" "$@" --wait=false ;;
    # Nobody is there to end it.
    -w | --watch) timeout 2 "$KUBECTL" "$@" || [ $? = 124 ] && exit 0 ;;
    esac
done
exec "$KUBECTL" "$@"
