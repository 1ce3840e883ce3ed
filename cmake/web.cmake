# The web app, built by Vite and carried inside the binary: the library dure_web_assets (src/api/app/assets.h).
#
# DURE_WEB=OFF builds without Node; a page that says so takes the app's place.
# DURE_NODE_DIR names the folder that holds `node` and `npm` where they are not in PATH.
# Nothing here needs the network once web/node_modules matches web/package-lock.json.
option(DURE_WEB "Build the web app into the binary (needs Node 20.19 or newer)" ON)
set(DURE_NODE_DIR "" CACHE PATH "Folder of the node and npm programs")

add_library(dure_web_assets STATIC ${CMAKE_SOURCE_DIR}/src/api/app/assets.cc)
target_include_directories(dure_web_assets PUBLIC ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(dure_web_assets PRIVATE dure_flags)

if(NOT DURE_WEB)
  target_sources(dure_web_assets PRIVATE ${CMAKE_SOURCE_DIR}/src/api/app/assets_placeholder.cc)
  return()
endif()

set(DURE_NODE_MINIMUM 20.19)
unset(DURE_NODE CACHE)
unset(DURE_NPM CACHE)
find_program(DURE_NODE NAMES node nodejs HINTS ${DURE_NODE_DIR})
find_program(DURE_NPM NAMES npm HINTS ${DURE_NODE_DIR})
if(DURE_NODE)
  execute_process(COMMAND ${DURE_NODE} --version OUTPUT_VARIABLE node_version
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REGEX REPLACE "^v" "" node_version "${node_version}")
endif()
if(NOT DURE_NODE OR NOT DURE_NPM OR node_version VERSION_LESS DURE_NODE_MINIMUM)
  message(FATAL_ERROR "The web app needs Node ${DURE_NODE_MINIMUM} or newer with npm (found: "
    "${DURE_NODE} ${node_version}, ${DURE_NPM}). Set DURE_NODE_DIR to its folder, or DURE_WEB=OFF.")
endif()

set(web_source ${CMAKE_SOURCE_DIR}/web)
set(web_build ${CMAKE_BINARY_DIR}/web)
set(web_installed ${web_build}/installed.stamp)

add_custom_command(
  OUTPUT ${web_installed}
  COMMAND ${CMAKE_COMMAND} -DNODE=${DURE_NODE} -DNPM=${DURE_NPM} -DSOURCE=${web_source}
    -DSTAMP=${web_installed} -P ${CMAKE_SOURCE_DIR}/cmake/web_install.cmake
  DEPENDS ${web_source}/package-lock.json ${CMAKE_SOURCE_DIR}/cmake/web_install.cmake
  COMMENT "Installing the web app's packages"
  VERBATIM)

file(GLOB_RECURSE web_files CONFIGURE_DEPENDS ${web_source}/src/* ${web_source}/public/*
  ${web_source}/frame/*)
add_custom_command(
  OUTPUT ${web_build}/assets.bin ${web_build}/assets_table.cc
  COMMAND ${DURE_NODE} node_modules/vite/bin/vite.js build --logLevel warn --emptyOutDir
    --outDir ${web_build}/dist
  COMMAND ${DURE_NODE} embed/pack.mjs ${web_build}/dist ${web_build}
  WORKING_DIRECTORY ${web_source}
  DEPENDS ${web_installed} ${web_files} ${web_source}/index.html ${web_source}/package.json
    ${web_source}/vite.config.ts ${web_source}/svelte.config.js ${web_source}/tsconfig.json
    ${web_source}/embed/pack.mjs
  COMMENT "Building the web app"
  VERBATIM)

enable_language(ASM)
set(web_blob ${CMAKE_SOURCE_DIR}/src/api/app/assets_blob.S)
set_source_files_properties(${web_blob} PROPERTIES
  OBJECT_DEPENDS ${web_build}/assets.bin
  COMPILE_DEFINITIONS "DURE_WEB_ASSETS_BLOB=\"${web_build}/assets.bin\"")
target_sources(dure_web_assets PRIVATE ${web_blob} ${web_build}/assets_table.cc)
