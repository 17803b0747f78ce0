#!/usr/bin/env bash
# readme.sh - is what README.md shows what seine prints?
exec python3 "$(dirname "${BASH_SOURCE[0]}")/readme.py"
