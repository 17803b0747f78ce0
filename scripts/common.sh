# shellcheck shell=bash
# common.sh - what quickstart, test and package share: sentences, packages, builds. Sourced by bash.
#
# All may be run from any folder, as root, through sudo, or by a user who can use sudo, and again.

# The project's folder, whatever folder the caller is in.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Says in one sentence why it cannot go on.
give_up() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 3
}

heading() {
    printf '\n== %s\n\n' "$*"
}

# True when what a package is wanted for is here. There are five ways to tell: cmd:NAME a program,
# pc:MODULE[>=VERSION] a library, h:FILE a header, rt:NAME a library of clang's own runtime, pkg:NAME a
# package of that name, for want of anything better.
is_here() {
    case $1 in
    pkg:*) dpkg-query -Wf '${db:Status-Status}' "${1#pkg:}" 2>/dev/null | grep -qx installed ;;
    cmd:*) command -v "${1#cmd:}" >/dev/null ;;
    pc:*) command -v pkg-config >/dev/null && pkg-config --exists "${1#pc:}" ;;
    h:*) printf '#include <stddef.h>\n#include <%s>\n' "${1#h:}" | cc -E - >/dev/null 2>&1 ;;
    rt:*)
        command -v clang >/dev/null &&
            find "$(clang -print-resource-dir)/" -name "libclang_rt.${1#rt:}*" | grep -q .
        ;;
    esac
}

# needs PACKAGE=PROBE...: installs the Debian packages whose probe finds nothing.
needs() {
    local pair missing=()
    for pair; do
        is_here "${pair#*=}" || missing+=("${pair%%=*}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local list="${missing[*]}" as_root=()
    command -v apt-get >/dev/null ||
        give_up "these are missing, and there is no apt-get to install them with: $list"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            give_up "these are missing, and only root can install them: apt-get install $list"
        if [ ! -t 0 ] && ! sudo -n true 2>/dev/null; then
            give_up "these are missing, and sudo wants a password: sudo apt-get install $list"
        fi
        as_root=(sudo)
    fi

    printf 'installing %s\n' "$list"
    local log
    log=$(mktemp)
    # Wireshark asks whether everyone may capture; nobody needs to, to read captures.
    if [[ " $list " == *" tshark "* ]] && command -v debconf-set-selections >/dev/null; then
        echo 'wireshark-common wireshark-common/install-setuid boolean false' |
            "${as_root[@]}" debconf-set-selections >>"$log" 2>&1
    fi
    if ! apt_install "${missing[@]}" >>"$log" 2>&1; then
        # The lists of packages may be missing or old.
        "${as_root[@]}" apt-get -q update >>"$log" 2>&1
        if ! apt_install "${missing[@]}" >>"$log" 2>&1; then
            local why
            why=$(grep -m 1 '^[EW]: ' "$log" | cut -c 4-)
            rm -f "$log"
            give_up "apt-get could not install $list (is there a network?): ${why:-it did not say why}"
        fi
    fi
    rm -f "$log"
}

# Never at the price of something that is installed: compilers for other machines and gcc-multilib exclude each
# other.
apt_install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=120 install --no-install-recommends --no-remove "$@" </dev/null
}

# unpacks PACKAGE=PROGRAM: for a program that a test starts itself, from a package whose installation would begin a
# service, or have it begin with the machine. It is only unpacked, under build/unpacked; where that cannot be, the
# test does without.
unpacks() {
    local package=${1%%=*} program=${1#*=} to=$top/build/unpacked
    if command -v "$program" >/dev/null || [ -x "$to/usr/sbin/$program" ]; then
        return 0
    fi
    printf 'unpacking %s\n' "$package"
    mkdir -p "$to" || return 0
    (cd "$to" && apt-get -q download "$package" && dpkg-deb -x ./"$package"_*.deb .) >/dev/null 2>&1 ||
        printf 'it cannot be had: tests do without\n'
    rm -f "$to"/*.deb
}

needs_to_build() {
    needs gcc=cmd:cc libc6-dev=h:stdio.h make=cmd:make cmake=cmd:cmake ninja-build=cmd:ninja \
        pkg-config=cmd:pkg-config libpcap-dev=pc:libpcap 'libsqlite3-dev=pc:sqlite3 >= 3.40' \
        'libssl-dev=pc:libcrypto >= 3.0' zlib1g-dev=pc:zlib libzstd-dev=pc:libzstd \
        libxxhash-dev=pc:libxxhash libedit-dev=pc:libedit libncurses-dev=pc:ncursesw \
        'libseccomp-dev=pc:libseccomp >= 2.5' uthash-dev=h:uthash.h \
        'libpcre2-dev=pc:libpcre2-8 >= 10.34'
    # For some machines Debian has a library that is faster than PCRE2; seine does without it elsewhere.
    case $(uname -m) in
    x86_64) needs 'libhyperscan-dev=pc:libhs >= 5.2' ;;
    aarch64) needs 'libvectorscan-dev=pc:libhs >= 5.2' ;;
    esac
    # Ninja where it is; a build folder that exists stays with what made it.
    if [ -z "${CMAKE_GENERATOR:-}" ] && command -v ninja >/dev/null; then
        export CMAKE_GENERATOR=Ninja
    fi
}

# build PRESET [CMAKE-BUILD-ARGUMENT...]: configures and builds, silent unless it fails.
build() {
    local preset=$1 folder log
    shift
    folder=$top/build
    [ "$preset" = release ] || folder=$folder/$preset
    mkdir -p "$folder" 2>/dev/null
    if [ ! -w "$folder" ]; then
        give_up "cannot write to ${folder#"$top"/}, which belongs to $(
            stat -c %U "$folder" 2>/dev/null || stat -c %U "$top"
        ): remove it, or run this as that user"
    fi
    # A build folder that was copied or moved knows its old place, and is of no use.
    if [ -f "$folder/CMakeCache.txt" ] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$top" "$folder/CMakeCache.txt"; then
        rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles"
    fi
    log=$folder/build.log
    if ! (cd "$top" && cmake --preset "$preset" && cmake --build --preset "$preset" \
        --parallel "$(nproc)" "$@") >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        return 1
    fi
}

# What root made through sudo goes back to whom the project belongs to, so that the next run need not
# be root's.
give_back() {
    local owner
    owner=$(stat -c %u:%g "$top")
    if [ "$(id -u)" = 0 ] && [ "${owner%%:*}" != 0 ] && [ -d "$top/build" ]; then
        chown -R "$owner" "$top/build"
    fi
}
trap give_back EXIT
