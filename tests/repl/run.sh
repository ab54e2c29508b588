#!/bin/sh
# run.sh BINARY: drives the repl in a real terminal (tmux).
cd "$(dirname "$0")/../.." || exit 1
exec python3 tests/repl/terminal.py "$1"
