#!/usr/bin/env bash
# attack.sh - memory stays within its budget whatever a sender does, and what was given up is told: see attack.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/attack.py"
