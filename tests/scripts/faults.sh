#!/usr/bin/env bash
# faults.sh - what the world does wrong is said in one sentence, and leaves nothing false: see faults.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/faults.py"
