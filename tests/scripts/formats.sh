#!/usr/bin/env bash
# formats.sh - the same frames in another file format give the same streams: see formats.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/formats.py"
