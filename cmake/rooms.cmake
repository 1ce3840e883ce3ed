# dure_room(NAME LINKS lib...): the static library dure_NAME of src/NAME, every .cc in it except those
# of sub-folders, which add themselves. LINKS names only rooms that stand below (tests check the includes).
function(dure_room name)
  cmake_parse_arguments(ARG "" "" "LINKS;PRIVATE_LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  add_library(dure_${name} STATIC ${sources})
  target_include_directories(dure_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(dure_${name} PUBLIC ${ARG_LINKS} PRIVATE dure_flags ${ARG_PRIVATE_LINKS})
endfunction()

# dure_test(NAME LINKS lib... [LABELS label...]): one GoogleTest program of every *_test.cc in this folder.
# The label `models` is for tests of whole models, which keep all cores busy: such a test runs while no other does.
function(dure_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LINKS;LABELS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *_test.cc)
  add_executable(${name}_test ${sources})
  target_link_libraries(${name}_test PRIVATE dure_flags ${ARG_LINKS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE DURE_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR})
  add_test(NAME ${name} COMMAND ${name}_test)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if("models" IN_LIST ARG_LABELS)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

# dure_fuzz(NAME LINKS lib...): NAME_fuzz.cc defines LLVMFuzzerTestOneInput. With DURE_FUZZ it becomes a libFuzzer
# program; always it becomes a test that replays the corpus in tests/fuzz/corpus/NAME.
function(dure_fuzz name)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  if(DURE_FUZZ)
    add_executable(${name}_fuzz ${name}_fuzz.cc)
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name}_fuzz ${name}_fuzz.cc ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
  endif()
  target_link_libraries(${name}_fuzz PRIVATE dure_flags ${ARG_LINKS})
  target_include_directories(${name}_fuzz PRIVATE ${CMAKE_SOURCE_DIR})
  add_test(NAME fuzz_${name}
    COMMAND ${name}_fuzz -runs=0 ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  set_tests_properties(fuzz_${name} PROPERTIES LABELS "fuzz" TIMEOUT 120)
endfunction()
