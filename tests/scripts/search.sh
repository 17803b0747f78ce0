#!/usr/bin/env bash
# search.sh - seine search finds what is there, and nothing else: see search.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/search.py"
