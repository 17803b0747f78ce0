#!/usr/bin/env bash
# folder.sh - many cases read as one: see folder.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/folder.py"
