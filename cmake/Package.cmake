# Package.cmake - the Debian package, made by `cpack -G DEB` in any release build: scripts/package.
#
#     /usr/bin/seine  /usr/lib/seine/seine.so  man pages, completions   as `cmake --install` has them
#     /etc/seine/seine.conf  seine.service  sysusers.d/seine.conf       from packaging/, as they are
#     copyright, the changelogs                                         made here
#
# docs/decisions/0027-packages-by-cpack.md says why so.
set(packaging "${PROJECT_SOURCE_DIR}/packaging")
set(made "${PROJECT_BINARY_DIR}/packaging")

# They name /usr/bin and /etc: not for `cmake --install` to some other place.
set(for_debian COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES "${packaging}/seine.conf" DESTINATION /etc/seine ${for_debian})
install(FILES "${packaging}/seine.service" DESTINATION /usr/lib/systemd/system ${for_debian})
install(FILES "${packaging}/seine.sysusers" DESTINATION /usr/lib/sysusers.d RENAME seine.conf
        ${for_debian})
install(FILES "${packaging}/deb/lintian-overrides" DESTINATION /usr/share/lintian/overrides
        RENAME seine ${for_debian})

# Whom a user of the package may write to; .invalid says that nobody has put a name in.
set(SEINE_MAINTAINER "the Seine authors <maintainers@seine.invalid>" CACHE STRING "Of the Debian package")

# What comes after the upstream version, for a package that changes when nothing else does.
set(SEINE_DEBIAN_REVISION 1 CACHE STRING "Revision of the Debian package")
mark_as_advanced(SEINE_DEBIAN_REVISION SEINE_MAINTAINER)

set(CPACK_PACKAGE_NAME seine)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_VENDOR "the Seine authors")
set(CPACK_PACKAGE_CONTACT "${SEINE_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "rebuilds network conversations into one SQLite file")
file(READ "${packaging}/deb/description" CPACK_PACKAGE_DESCRIPTION)
set(CPACK_GENERATOR DEB)
set(CPACK_SOURCE_GENERATOR "") # the repository is the source
set(CPACK_INSTALL_CMAKE_PROJECTS
    "${PROJECT_BINARY_DIR};seine;ALL;/" "${PROJECT_BINARY_DIR};seine;debian;/")
set(CPACK_SET_DESTDIR ON) # since some of it lies outside of /usr
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE "${SEINE_DEBIAN_REVISION}")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Whatever reads sysusers.d: systemd, or, in a container without it, that part alone.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd-standalone-sysusers | systemd-sysusers")
if(HYPERSCAN_FOUND) # loaded by name, so that dpkg-shlibdeps does not see it
    set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libhyperscan5 | libvectorscan5")
endif()
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "sqlite3, wireshark | tshark")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${packaging}/deb/conffiles" "${packaging}/deb/postinst" "${packaging}/deb/prerm"
    "${packaging}/deb/postrm")
if(CMAKE_CROSSCOMPILING)
    set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE "${SEINE_DEBIAN_ARCHITECTURE}") # of the toolchain file
endif()

# Debian wants its manual pages and changelogs compressed, and a changelog of the package itself.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC) # or of SOURCE_DATE_EPOCH
configure_file("${packaging}/deb/changelog.in" "${made}/changelog" @ONLY)
configure_file("${packaging}/deb/finish.cmake.in" "${made}/finish.cmake" @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS "${made}/finish.cmake")

include(CPack)
