#!/usr/bin/env bash
# samples.sh - what a case says of the samples holds against the frames and Wireshark: see samples.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/samples.py"
