# How every userspace target of kubeproof is built: warnings are errors, includes start at the
# project's root, sanitizers where asked for.

add_library(kubeproof_options INTERFACE)
target_include_directories(kubeproof_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(kubeproof_options INTERFACE -Wall -Wextra -Werror)
target_link_libraries(kubeproof_options INTERFACE fmt::fmt)
if(KUBEPROOF_SANITIZE)
  target_compile_options(kubeproof_options INTERFACE -fsanitize=address,undefined
                                                     -fno-sanitize-recover=all)
  target_link_options(kubeproof_options INTERFACE -fsanitize=address,undefined)
endif()

# The headers that nearly every source includes, parsed once for all of them: that was a third of the
# time of a whole build. Sources include what they use all the same; clang-tidy, which knows nothing
# of precompiled headers, holds them to it.
# kubeproof_precompiled_headers(NAME [MORE <header>...] [LINK library...])
function(kubeproof_precompiled_headers name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "MORE;LINK")
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "")
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE kubeproof_options ${ARG_LINK})
  target_precompile_headers(${name} PRIVATE
    <algorithm> <array> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <optional> <set>
    <span> <string> <string_view> <tuple> <unordered_map> <utility> <variant> <vector>
    <fmt/format.h> ${ARG_MORE})
endfunction()

# Which of them the targets of a directory use.
set(KUBEPROOF_PRECOMPILED kubeproof_headers)

# kubeproof_library(NAME SOURCES file... [LINK library...])
function(kubeproof_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;LINK")
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC kubeproof_options ${ARG_LINK})
  target_precompile_headers(${name} REUSE_FROM ${KUBEPROOF_PRECOMPILED})
endfunction()

# kubeproof_test(NAME SOURCES file... [LINK library...] [LABELS label...] [DIRECTORY where it runs])
# A GoogleTest program whose tests ctest knows one by one. Label `kernel` marks tests that need root
# and a kernel with BPF and netfilter; they skip themselves, with the reason, where that is missing.
function(kubeproof_test name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "DIRECTORY" "SOURCES;LINK;LABELS")
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE kubeproof_options ${ARG_LINK} GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM ${KUBEPROOF_PRECOMPILED})
  list(APPEND ARG_LABELS gtest)
  set(directory)
  if(ARG_DIRECTORY)
    set(directory WORKING_DIRECTORY ${ARG_DIRECTORY})
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST ${directory}
                       PROPERTIES TIMEOUT 300 LABELS "${ARG_LABELS}")
endfunction()

# kubeproof_grouped_test(NAME SOURCES file... [LINK library...])
# One, for the kernel, whose tests share what takes longer to make than they take to run: ctest knows
# it by the groups of tests that kubeproof_test_groups() names.
function(kubeproof_grouped_test name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;LINK")
  add_executable(${name} ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/tests/grouped_main.cpp)
  target_link_libraries(${name} PRIVATE kubeproof_options ${ARG_LINK} GTest::gtest)
  target_precompile_headers(${name} REUSE_FROM ${KUBEPROOF_PRECOMPILED})
endfunction()

# kubeproof_test_groups(PROGRAM GROUP <group=filter>...)
# All its tests whose names match the filter of a group, in one process at the project's root; the rest as
# `others`.
function(kubeproof_test_groups program)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "GROUP")
  set(names)
  set(rest)
  foreach(group IN LISTS ARG_GROUP)
    string(REGEX MATCH "^([^=]+)=(.+)$" matched ${group})
    add_test(NAME ${program}.${CMAKE_MATCH_1} COMMAND ${program} --gtest_filter=${CMAKE_MATCH_2})
    list(APPEND names ${program}.${CMAKE_MATCH_1})
    string(APPEND rest ":${CMAKE_MATCH_2}")
  endforeach()
  add_test(NAME ${program}.others COMMAND ${program} --gtest_filter=-${rest})
  set_tests_properties(${names} ${program}.others PROPERTIES
    TIMEOUT 300 LABELS "kernel;gtest" SKIP_RETURN_CODE 77
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endfunction()

# kubeproof_test_suites(PROGRAM SUITE <suite>...): a group for each.
function(kubeproof_test_suites program)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SUITE")
  list(TRANSFORM ARG_SUITE REPLACE "(.+)" "\\1=\\1.*:*/\\1.*")
  kubeproof_test_groups(${program} GROUP ${ARG_SUITE})
endfunction()
