#!/usr/bin/env bash
# extension.sh - seine.so in other programs: see extension.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/extension.py"
