# Compiler flags of every target of this tree.  They sit in one interface target that is linked privately, so that
# nothing of it reaches a consumer.
option(KK_WERROR "Treat warnings as errors" OFF)
set(KK_SANITIZE "" CACHE STRING "Sanitizers to build with, as in -fsanitize=")
option(KK_COVERAGE "Instrument for coverage" OFF)
option(KK_FUZZ "Build the fuzz targets with libFuzzer (clang only)" OFF)

add_library(kk_flags INTERFACE)
target_compile_features(kk_flags INTERFACE c_std_11)
target_compile_definitions(kk_flags INTERFACE _GNU_SOURCE)
target_compile_options(kk_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla
  -Wformat=2 -Wundef -fvisibility=hidden -fno-common -fstack-protector-strong)
target_link_options(kk_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
if(KK_WERROR)
  target_compile_options(kk_flags INTERFACE -Werror)
endif()
if(KK_SANITIZE)
  target_compile_options(kk_flags INTERFACE -fsanitize=${KK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(kk_flags INTERFACE -fsanitize=${KK_SANITIZE})
else()
  # A sanitizer's own symbols are undefined in a module until the program that loads it supplies them.
  target_link_options(kk_flags INTERFACE $<$<NOT:$<BOOL:${KK_FUZZ}>>:-Wl,-z,defs>)
endif()
if(KK_COVERAGE)
  target_compile_options(kk_flags INTERFACE --coverage)
  target_link_options(kk_flags INTERFACE --coverage)
endif()
if(KK_FUZZ)
  target_compile_options(kk_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer)
  target_link_options(kk_flags INTERFACE -fsanitize=address,undefined)
endif()

# kk_configure(TARGET): what every target of the tree has in common.
function(kk_configure target)
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:kk_flags>)
endfunction()

# The build tree has the shape of an installation, so that what is built finds its parts the way it will when installed.
set(KK_PLUGIN_SUBDIR kk/plugins)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
file(RELATIVE_PATH KK_BIN_TO_LIB ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH KK_LIB_TO_WORKER ${CMAKE_INSTALL_FULL_LIBDIR} ${CMAKE_INSTALL_FULL_LIBEXECDIR}/kk/kk-worker)

# What sanitizers and coverage do at run time needs more than the confinement of a worker leaves.
if(KK_SANITIZE OR KK_FUZZ OR KK_COVERAGE)
  set(KK_WORKER_UNCONFINED KK_WORKER_UNCONFINED)
endif()
