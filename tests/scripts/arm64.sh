#!/usr/bin/env bash
# arm64.sh - seine for arm64, under qemu, says what seine for this machine says: see arm64.py.
#
# A long run cross-builds it, which installs what that takes; a short one looks at what is built already.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/arm64.py"
