#!/usr/bin/env bash
# micro.sh - no stage takes more instructions a frame than bench/baseline.json says: see micro.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/micro.py" "$@"
