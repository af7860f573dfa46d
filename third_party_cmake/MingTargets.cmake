# Target helpers: one call a folder, one include root a target.

set(MING_WARNINGS
    -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
    -Woverloaded-virtual -Wcast-align -Wformat=2 -Wnull-dereference -Wimplicit-fallthrough -Wextra-semi
    -Wundef -Wdouble-promotion)

function(ming_compile_options target)
  target_compile_options(${target} PRIVATE ${MING_WARNINGS})
  if(MING_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# ming_library(<name> [FOLDER <folder>] [HEADERS <files>] SRCS <files> [PUBLIC <targets>] [PRIVATE <targets>])
#
# Makes ming_<name> (alias ming::<name>) from the sources of the current folder. PUBLIC names what its
# headers include, PRIVATE what only its sources include; HEADERS are those without a source. Headers resolve
# as "ming/<folder>/x.h" only for targets that link the owner, so a forgotten dependency does not compile.
# FOLDER is given where a folder holds two targets (its pure half is <folder>_core).
function(ming_library name)
  cmake_parse_arguments(ARG "" "FOLDER" "HEADERS;SRCS;PUBLIC;PRIVATE" ${ARGN})
  if(NOT ARG_FOLDER)
    set(ARG_FOLDER ${name})
  endif()
  set(root ${CMAKE_BINARY_DIR}/include_root/${name})
  file(MAKE_DIRECTORY ${root}/ming)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/ming/${ARG_FOLDER} SYMBOLIC)
  if(ARG_SRCS)
    add_library(ming_${name} STATIC ${ARG_SRCS})
    target_include_directories(ming_${name} PUBLIC ${root})
    target_link_libraries(ming_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
    ming_compile_options(ming_${name})
  else()
    add_library(ming_${name} INTERFACE)
    target_include_directories(ming_${name} INTERFACE ${root})
    target_link_libraries(ming_${name} INTERFACE ${ARG_PUBLIC})
  endif()
  add_library(ming::${name} ALIAS ming_${name})

  # For tests/headers: HEADERS, and the header beside each source.
  set(source_headers)
  foreach(source IN LISTS ARG_SRCS)
    string(REGEX REPLACE "\\.cc$" ".h" header ${source})
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${header})
      list(APPEND source_headers ${header})
    endif()
  endforeach()
  set_target_properties(ming_${name} PROPERTIES
    MING_FOLDER ${ARG_FOLDER} MING_HEADERS "${ARG_HEADERS}" MING_SOURCE_HEADERS "${source_headers}")
  set_property(GLOBAL APPEND PROPERTY MING_LIBRARIES ming_${name})
endfunction()

# Flags of test code only, behind all others.
set(MING_TEST_FLAGS "" CACHE STRING "Compile options of the tests")

# GoogleTest's headers, compiled once for all test binaries: half of a test's compile time. Off in the dev preset,
# whose compile commands clang-tidy reads.
option(MING_TEST_PCH "Precompile GoogleTest's headers for the tests" ON)
if(MING_TESTS AND MING_TEST_PCH)
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/test_pch.cc CONTENT "")
  # An executable like the tests: position-independent code must match too.
  add_executable(ming_test_pch ${CMAKE_BINARY_DIR}/test_pch.cc)
  target_link_libraries(ming_test_pch PRIVATE GTest::gmock GTest::gtest_main)
  ming_compile_options(ming_test_pch)
  target_compile_options(ming_test_pch PRIVATE ${MING_TEST_FLAGS})
  target_precompile_headers(ming_test_pch PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
endif()

# ming_test(<name> LABELS <labels> SRCS <files> DEPS <targets>)
#
# One GoogleTest binary; ctest runs it as a whole under each of its labels.
function(ming_test name)
  cmake_parse_arguments(ARG "" "" "LABELS;SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  ming_compile_options(${name})
  target_compile_options(${name} PRIVATE ${MING_TEST_FLAGS})
  if(MING_TEST_PCH)
    target_precompile_headers(${name} REUSE_FROM ming_test_pch)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 300)
endfunction()

# ming_fuzzer(<name> SEEDS <folder> SRCS <files> DEPS <targets>)
#
# With MING_FUZZ a libFuzzer binary; in every build a replay of the seed folder under ctest. The folder
# is found by the fuzzer's name in <build>/fuzz_seeds, wherever its source is.
function(ming_fuzzer name)
  cmake_parse_arguments(ARG "" "SEEDS" "SRCS;DEPS" ${ARGN})
  if(MING_FUZZ)
    add_executable(${name} ${ARG_SRCS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${ARG_SRCS} ${CMAKE_SOURCE_DIR}/fuzz/replay_main.cc)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  ming_compile_options(${name})
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz_seeds)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SEEDS} ${CMAKE_BINARY_DIR}/fuzz_seeds/${name} SYMBOLIC)
  add_test(NAME ${name}_regress COMMAND ${name} -runs=0 ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SEEDS})
  set_tests_properties(${name}_regress PROPERTIES LABELS fuzz_regress TIMEOUT 120)
endfunction()
