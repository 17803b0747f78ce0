#!/usr/bin/env bash
# top.sh - seine top and seine status: see top.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/top.py"
