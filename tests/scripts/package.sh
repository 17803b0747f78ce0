#!/usr/bin/env bash
# package.sh - the Debian package has what it should, and nothing else: see package.py.
#
# In a long run it is built anew, and installed in a Debian that knows nothing of seine.
if [ -n "${SEINE_LONG-}" ]; then
    # shellcheck source=scripts/common.sh
    . "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
    needs debootstrap=cmd:debootstrap lintian=cmd:lintian systemd=cmd:systemd-analyze \
        systemd-container=cmd:systemd-nspawn
fi
exec python3 "$(dirname "${BASH_SOURCE[0]}")/package.py"
