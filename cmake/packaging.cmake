# `cpack` in the build folder makes a .tar.gz and a .deb that run without a toolchain. What either needs beside itself is
# in Debian 12: dpkg-shlibdeps works it out for the .deb.
set(packaging ${CMAKE_SOURCE_DIR}/packaging)
find_package(Python3 COMPONENTS Interpreter REQUIRED)
find_program(DURE_GZIP gzip REQUIRED)

set(man_page ${CMAKE_BINARY_DIR}/packaging/dure.1.gz)
add_custom_command(OUTPUT ${man_page}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/packaging
  COMMAND ${DURE_GZIP} -9nc ${packaging}/dure.1 > ${man_page}
  DEPENDS ${packaging}/dure.1 VERBATIM)
add_custom_target(dure_man ALL DEPENDS ${man_page})

set(notices ${CMAKE_BINARY_DIR}/packaging/THIRD_PARTY.txt)
install(CODE "execute_process(COMMAND_ERROR_IS_FATAL ANY
  COMMAND \"${Python3_EXECUTABLE}\" -B \"${packaging}/notices.py\" \"${CMAKE_SOURCE_DIR}\" \"${notices}\")")

install(TARGETS dure RUNTIME DESTINATION bin)
install(FILES ${notices} DESTINATION share/doc/dure)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/dure RENAME copyright)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/README.ko.md DESTINATION share/doc/dure)
install(FILES ${man_page} DESTINATION share/man/man1)
install(FILES ${packaging}/dure.bash DESTINATION share/bash-completion/completions RENAME dure)
install(FILES ${packaging}/dure.zsh DESTINATION share/zsh/vendor-completions RENAME _dure)
install(FILES ${packaging}/dure.service DESTINATION lib/systemd/system)

set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_NAME dure)
set(CPACK_PACKAGE_VENDOR "The Dure authors")
set(CPACK_PACKAGE_CONTACT "The Dure authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Open ChatGPT that you own and can check")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
set(CPACK_PACKAGE_FILE_NAME dure-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_PRE_BUILD_SCRIPTS ${packaging}/debian/stage.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, python3-pip")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "Runs open language models on this machine, without an account and without a network:
a chat page in the browser, an HTTP server with an OpenAI-compatible API, and a
terminal chat, with its own inference engine and a systemd service.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${packaging}/debian/postinst ${packaging}/debian/prerm ${packaging}/debian/postrm ${packaging}/debian/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
