#!/usr/bin/env bash
# live.sh - seine live, in network namespaces of its own: see live.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/live.py"
