#!/usr/bin/env bash
# corpus.sh - real captures of other projects, where they lie beside this one: see corpus.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/corpus.py"
