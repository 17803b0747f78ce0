# Install.cmake - what `cmake --install` puts where; man pages and completions: src/cli/CMakeLists.txt.
install(TARGETS seine RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(FILES LICENSE CHANGELOG.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
