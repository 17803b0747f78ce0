#!/usr/bin/env bash
# rotate.sh - seine live into a folder of slices: see rotate.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/rotate.py"
