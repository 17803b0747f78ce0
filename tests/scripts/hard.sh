#!/usr/bin/env bash
# hard.sh - every hard case of TCP: the bytes and the rows that it must give. See hard.py.
exec python3 "$(dirname "$0")/hard.py" "$@"
