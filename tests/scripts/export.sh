#!/usr/bin/env bash
# export.sh - what seine export writes, read back by the rules of who reads it: see export.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/export.py"
