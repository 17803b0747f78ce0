#!/usr/bin/env bash
# flips.sh - verify finds a flipped bit anywhere in evidence and case: see flips.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/flips.py"
