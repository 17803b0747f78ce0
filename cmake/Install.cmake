# Install.cmake - what `cmake --install` puts where; man pages and completions: src/cli/CMakeLists.txt.
install(TARGETS seine RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(FILES LICENSE CHANGELOG.md docs/operating.md docs/schema.md docs/blobs.md docs/policies.md
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")
# The capture of the manual's quick start.
install(FILES sample_pcaps/http-lost.pcap DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples")
