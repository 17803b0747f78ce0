#!/usr/bin/env bash
# sandbox.sh - what each command gives up: see sandbox.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/sandbox.py"
