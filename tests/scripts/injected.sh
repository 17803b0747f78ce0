#!/usr/bin/env bash
# injected.sh - any call to the disk or for memory may fail, and the case stays true: see injected.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/injected.py"
