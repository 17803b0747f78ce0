#!/usr/bin/env bash
# edge.sh - seine live with what a small board has: see edge.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/edge.py"
