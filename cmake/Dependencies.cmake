# Dependencies.cmake - the libraries that seine is built with, each as PkgConfig::NAME.
#
# All are Debian packages; docs/decisions/ says why each was chosen. What is missing is gathered
# first, so that one sentence names everything there is to install.
find_package(Threads REQUIRED)
find_package(PkgConfig QUIET)

set(seine_missing "")  # Debian packages
set(seine_found "")    # lines of the summary
set(seine_left_out "") # likewise

if(NOT PKG_CONFIG_FOUND)
    list(APPEND seine_missing pkg-config)
endif()

# seine_library(PREFIX MODULE PACKAGE [VERSION]): a library by its pkg-config module, needed.
macro(seine_library prefix module package)
    if(PKG_CONFIG_FOUND)
        if("${ARGC}" GREATER 3)
            pkg_check_modules(${prefix} QUIET IMPORTED_TARGET "${module}>=${ARGV3}")
        else()
            pkg_check_modules(${prefix} QUIET IMPORTED_TARGET "${module}")
        endif()
    endif()
    if(${prefix}_FOUND)
        list(APPEND seine_found "${module} ${${prefix}_VERSION}")
    else()
        list(APPEND seine_missing ${package})
    endif()
endmacro()

seine_library(PCAP libpcap libpcap-dev)
seine_library(SQLITE sqlite3 libsqlite3-dev 3.40)
seine_library(CRYPTO libcrypto libssl-dev 3.0)
seine_library(ZLIB zlib zlib1g-dev)
seine_library(ZSTD libzstd libzstd-dev)
seine_library(XXHASH libxxhash libxxhash-dev)
seine_library(EDIT libedit libedit-dev)
seine_library(SECCOMP libseccomp libseccomp-dev 2.5)
seine_library(CURSES ncursesw libncurses-dev)
if(SEINE_XDP)
    seine_library(XDP libxdp libxdp-dev)
    seine_library(BPF libbpf libbpf-dev)
endif()
seine_library(PCRE2 libpcre2-8 libpcre2-dev 10.34)

# Hyperscan, for machines with SSSE3, or Vectorscan, the same for others, under the same name. Debian 12
# has both for amd64, and Vectorscan for arm64; elsewhere PCRE2 does all the work.
option(SEINE_HYPERSCAN "Find plain bytes by Hyperscan or Vectorscan, where it is installed" ON)
set(HYPERSCAN_FOUND FALSE)
if(SEINE_HYPERSCAN AND PKG_CONFIG_FOUND)
    pkg_check_modules(HYPERSCAN QUIET IMPORTED_TARGET "libhs>=5.2")
endif()
if(HYPERSCAN_FOUND)
    list(APPEND seine_found "libhs ${HYPERSCAN_VERSION}")
else()
    list(APPEND seine_left_out "Hyperscan: searches by PCRE2 alone")
endif()

# uthash is one header, and has no pkg-config file.
find_path(UTHASH_INCLUDE_DIR uthash.h)
if(UTHASH_INCLUDE_DIR)
    file(STRINGS "${UTHASH_INCLUDE_DIR}/uthash.h" line REGEX "define UTHASH_VERSION")
    string(REGEX REPLACE ".*UTHASH_VERSION +" "" version "${line}")
    list(APPEND seine_found "uthash ${version}")
else()
    list(APPEND seine_missing uthash-dev)
endif()

if(seine_missing)
    list(JOIN seine_missing " " packages)
    message(FATAL_ERROR "Libraries that seine is built with are missing: apt install ${packages}")
endif()

# CUnit is needed by the unit tests alone.
find_path(CUNIT_INCLUDE_DIR CUnit/CUnit.h)
find_library(CUNIT_LIBRARY cunit)
if(CUNIT_INCLUDE_DIR AND CUNIT_LIBRARY)
    list(APPEND seine_found "cunit")
else()
    list(APPEND seine_left_out "unit tests: no CUnit (apt install libcunit1-dev)")
endif()

find_program(SEINE_PYTHON python3)
mark_as_advanced(SEINE_PYTHON UTHASH_INCLUDE_DIR CUNIT_INCLUDE_DIR CUNIT_LIBRARY)
if(NOT SEINE_PYTHON)
    list(APPEND seine_left_out "the check of rooms: no python3 (apt install python3)")
endif()
