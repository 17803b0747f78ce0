#!/usr/bin/env bash
# repeat.sh - equal input gives equal cases, in one piece or in slices: see repeat.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/repeat.py"
