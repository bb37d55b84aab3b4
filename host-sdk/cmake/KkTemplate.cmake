# The plugin template as a C source.  Included, it adds the library kk_template; run by `cmake -P`, it writes the source:
#
#     cmake -D DIRECTORY=examples/hello -D OUTPUT=plugin_template.c -P KkTemplate.cmake
#
# What stands in cxx/ takes the place of its namesake, and hello.cc that of hello.c, in the C++ variant.
set(KK_TEMPLATE_FILES .gitignore CMakeLists.txt README.md ci.sh exports.map tapes/hello.har test_hello.c hello.c
  cxx/CMakeLists.txt cxx/README.md cxx/hello.cc)
set(KK_TEMPLATE_ONLY_C CMakeLists.txt README.md hello.c)

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(directory ${CMAKE_CURRENT_SOURCE_DIR}/examples/hello)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/plugin_template.c)
  list(TRANSFORM KK_TEMPLATE_FILES PREPEND ${directory}/ OUTPUT_VARIABLE files)
  add_custom_command(OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -D DIRECTORY=${directory} -D OUTPUT=${source} -P ${CMAKE_CURRENT_LIST_FILE}
    DEPENDS ${files} ${CMAKE_CURRENT_LIST_FILE} VERBATIM)
  add_library(kk_template STATIC ${source})
  kk_configure(kk_template)
  target_include_directories(kk_template PRIVATE cli)
  set_target_properties(kk_template PROPERTIES C_CLANG_TIDY "")
  return()
endif()

cmake_minimum_required(VERSION 3.21)
set(arrays "")
set(rows "")
set(count 0)
foreach(file IN LISTS KK_TEMPLATE_FILES)
  file(READ ${DIRECTORY}/${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "([^,]*,[^,]*,[^,]*,[^,]*,[^,]*,[^,]*,[^,]*,[^,]*,[^,]*,[^,]*,[^,]*,[^,]*,)" "    \\1\n" bytes "${bytes}")
  string(APPEND arrays "static const char file_${count}[] = {\n${bytes} 0};\n")
  set(in_c true)
  set(in_cxx true)
  if(file MATCHES "^cxx/")
    set(in_c false)
  elseif(file IN_LIST KK_TEMPLATE_ONLY_C)
    set(in_cxx false)
  endif()
  string(REGEX REPLACE "^cxx/" "" path ${file})
  string(APPEND rows "    {\"${path}\", file_${count}, sizeof file_${count} - 1, ${in_c}, ${in_cxx}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Made of examples/hello by cmake/KkTemplate.cmake.
#include \"plugin_template.h\"

${arrays}
const kk_template_file kk_template_files[] = {
${rows}};
const size_t kk_template_file_count = ${count};
")
