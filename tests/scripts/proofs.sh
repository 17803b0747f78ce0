#!/usr/bin/env bash
# proofs.sh - verify proves every sample, and the corpus where there is one: see proofs.py.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/proofs.py"
