# arm64.cmake - toolchain file: seine for arm64, on another Debian machine.
#
#     cmake -B build/arm64 --toolchain cmake/arm64.cmake
#
# Wants gcc-aarch64-linux-gnu, and arm64's libraries beside the machine's own (dpkg --add-architecture
# arm64); `scripts/package arm64` installs them. Where qemu-user-static is, what was built runs under it:
# the manual pages are printed by the program itself, and ctest runs the tests.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(SEINE_DEBIAN_ARCHITECTURE arm64)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)

find_program(SEINE_QEMU NAMES qemu-aarch64-static qemu-aarch64)
mark_as_advanced(SEINE_QEMU)
if(SEINE_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${SEINE_QEMU}")
endif()
