#!/usr/bin/env bash
# ipcomp.sh - compressed packets end to end: see ipcomp.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/ipcomp.py"
