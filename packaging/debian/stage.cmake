# Run by CPack before it packs: the .deb also carries the service's options as a configuration file.
if(CPACK_GENERATOR STREQUAL "DEB")
  set(folder ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/etc/default)
  file(MAKE_DIRECTORY ${folder})
  file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/../dure.default ${folder}/dure)
endif()
