# kk_live_http: the live module for a program that speaks nothing but HTTP.
#
# libcurl is linked with libraries for LDAP, Kerberos, SSH and RTMP, which the live transport refuses to speak.  With what they
# need in turn they are nineteen of the thirty that it loads, more than half of the time that this takes, and code for the
# network in a process that holds secrets.  This module has a path for libraries that leads to one stub under all of their
# names first (src/live_stubs.c); the dynamic linker takes it for each of them.
#
# What the stub has to define is read off the libcurl that is built against.  Where another one is found later that needs more,
# this module does not load, and the host takes kk_live instead.  A libcurl without such libraries, or of which nothing can be
# read, as a static one, has no use for it; and one that is linked with libssh, which needs Kerberos itself, would not load.
if(NOT CMAKE_READELF)
  return()
endif()
list(GET KK_CURL_LINK_LIBRARIES 0 KK_CURL_FILE)
execute_process(COMMAND ${CMAKE_READELF} -W -d --dyn-syms ${KK_CURL_FILE}
  OUTPUT_VARIABLE KK_CURL_TEXT)

# Its libraries that are not for HTTP, and what it takes of them: TYPE NAME[@VERSION].
string(REGEX MATCHALL "lib(rtmp|ssh2|gssapi_krb5|ldap|lber)[-.0-9a-z]*\\.so\\.[0-9]+" KK_STUB_LIBRARIES "${KK_CURL_TEXT}")
string(REGEX MATCHALL "[A-Z]+ +GLOBAL +DEFAULT +UND +(RTMP|libssh2|gss|GSS|ldap|ber)_[A-Za-z0-9_]+(@[A-Za-z0-9_.]+)?"
  KK_STUB_SYMBOLS "${KK_CURL_TEXT}")
if(NOT KK_STUB_LIBRARIES OR KK_CURL_TEXT MATCHES "\\[libssh\\.so")
  return()
endif()

set(list "// Written by KkStubs.cmake.\n")
set(versions "")
foreach(symbol IN LISTS KK_STUB_SYMBOLS)
  string(REGEX REPLACE "^([A-Z]+) .* ([A-Za-z0-9_]+)@?[^@]*$" "\\1(\\2)" row "${symbol}")
  string(REGEX REPLACE "^NOTYPE" "FUNC" row "${row}")
  if(NOT row MATCHES "libssh2_(init|exit|version)\\)")
    string(APPEND list "KK_STUB_${row}\n")
  endif()
  if(symbol MATCHES "([A-Za-z0-9_]+)@(.+)$")
    list(APPEND versions ${CMAKE_MATCH_2})
    string(APPEND names_${CMAKE_MATCH_2} " ${CMAKE_MATCH_1};")
  endif()
endforeach()
list(REMOVE_DUPLICATES versions)
# A script without any version would be an error to the linker.
set(script "KK_STUBS { };\n")
foreach(version IN LISTS versions)
  string(APPEND script "${version} { global:${names_${version}} };\n")
endforeach()
set(KK_STUBS ${CMAKE_CURRENT_BINARY_DIR}/stubs)
file(CONFIGURE OUTPUT ${KK_STUBS}/live_stubs_list.h CONTENT "${list}" @ONLY)
file(CONFIGURE OUTPUT ${KK_STUBS}/live_stubs.map CONTENT "${script}" @ONLY)

set(KK_STUB_SUBDIR kk/live_stubs)
set(KK_STUB_DIR ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/${KK_STUB_SUBDIR})
add_library(kk_live_stubs MODULE src/live_stubs.c)
kk_configure(kk_live_stubs)
target_include_directories(kk_live_stubs PRIVATE ${KK_STUBS})
# By -Wl a comma in the path would end it.
target_link_options(kk_live_stubs PRIVATE -Xlinker --version-script=${KK_STUBS}/live_stubs.map)
set_target_properties(kk_live_stubs PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${KK_STUB_DIR}
  LINK_DEPENDS ${KK_STUBS}/live_stubs.map)

add_library(kk_live_http MODULE)
kk_configure(kk_live_http)
target_link_libraries(kk_live_http PRIVATE kk_live_objects)
# A RUNPATH would be for the module's own libraries alone; an RPATH is for libcurl's as well.  The dynamic linker reads 16 bytes
# behind a '$' at once, which valgrind reports where a path is shorter.
target_link_options(kk_live_http PRIVATE -Wl,--disable-new-dtags)
set_target_properties(kk_live_http PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/kk
  BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/live_stubs")
add_dependencies(kk_live_http kk_live_stubs)
add_dependencies(kk kk_live_http)

foreach(name IN LISTS KK_STUB_LIBRARIES)
  add_custom_command(TARGET kk_live_stubs POST_BUILD VERBATIM
    COMMAND ${CMAKE_COMMAND} -E create_symlink kk_live_stubs.so ${KK_STUB_DIR}/${name})
  install(FILES ${KK_STUB_DIR}/${name} DESTINATION ${CMAKE_INSTALL_LIBDIR}/${KK_STUB_SUBDIR})
endforeach()
install(TARGETS kk_live_stubs LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/${KK_STUB_SUBDIR})
install(TARGETS kk_live_http LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/kk)
