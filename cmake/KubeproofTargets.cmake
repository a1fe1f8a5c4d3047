# How every userspace target of kubeproof is built: warnings are errors, includes start at the
# project's root, sanitizers where asked for.

add_library(kubeproof_options INTERFACE)
target_include_directories(kubeproof_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(kubeproof_options INTERFACE -Wall -Wextra -Werror)
if(KUBEPROOF_SANITIZE)
  target_compile_options(kubeproof_options INTERFACE -fsanitize=address,undefined
                                                     -fno-sanitize-recover=all)
  target_link_options(kubeproof_options INTERFACE -fsanitize=address,undefined)
endif()

# kubeproof_library(NAME SOURCES file... [LINK library...])
function(kubeproof_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;LINK")
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC kubeproof_options ${ARG_LINK})
endfunction()

# kubeproof_test(NAME SOURCES file... [LINK library...] [LABELS label...] [DIRECTORY where it runs])
# A GoogleTest program whose tests ctest knows one by one. Label `kernel` marks tests that need root
# and a kernel with BPF and netfilter; they skip themselves, with the reason, where that is missing.
function(kubeproof_test name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "DIRECTORY" "SOURCES;LINK;LABELS")
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE kubeproof_options ${ARG_LINK} GTest::gtest_main)
  list(APPEND ARG_LABELS gtest)
  set(directory)
  if(ARG_DIRECTORY)
    set(directory WORKING_DIRECTORY ${ARG_DIRECTORY})
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST ${directory}
                       PROPERTIES TIMEOUT 300 LABELS "${ARG_LABELS}")
endfunction()
