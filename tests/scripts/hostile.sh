#!/usr/bin/env bash
# hostile.sh - a case that a stranger made does no harm to whoever reads it: see hostile.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/hostile.py"
