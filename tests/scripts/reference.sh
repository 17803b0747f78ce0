#!/usr/bin/env bash
# reference.sh - a case whose payload stays in the capture says the same as one that has it. See reference.py.
exec python3 "$(dirname "$0")/reference.py" "$@"
