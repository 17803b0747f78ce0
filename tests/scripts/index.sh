#!/usr/bin/env bash
# index.sh - indexes on request leave a case true: see index.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/index.py"
