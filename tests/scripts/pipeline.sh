#!/usr/bin/env bash
# pipeline.sh - captures in, a case out, frames back, and the proof of it: see pipeline.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/pipeline.py"
