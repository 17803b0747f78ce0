#!/usr/bin/env bash
# kills.sh - a kill at any instant leaves no case that is half true: see kills.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/kills.py"
