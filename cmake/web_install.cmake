# Makes web/node_modules what package-lock.json says, and runs npm only when it is not: the installed lock's hash is
# kept inside node_modules, which several build trees share (hence the lock).
set(modules ${SOURCE}/node_modules)
set(mark ${modules}/.dure-lock-sha256)
file(LOCK ${SOURCE}/node_modules.lock GUARD PROCESS)
file(SHA256 ${SOURCE}/package-lock.json wanted)
set(present "")
if(EXISTS ${mark})
  file(READ ${mark} present)
endif()
if(NOT present STREQUAL wanted)
  # npm starts `node` by name, so the one that was chosen goes first in PATH.
  get_filename_component(node_dir ${NODE} DIRECTORY)
  set(ENV{PATH} "${node_dir}:$ENV{PATH}")
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    WORKING_DIRECTORY ${SOURCE}
    RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "npm ci failed in ${SOURCE}: the web app's packages could not be installed. "
      "Check the network, or build with -DDURE_WEB=OFF.")
  endif()
  file(WRITE ${mark} ${wanted})
endif()
file(TOUCH ${STAMP})
