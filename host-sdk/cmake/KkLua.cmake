# The Lua of kk-worker: libraries of its own, and objects that the worker and the unit tests link.
pkg_check_modules(KK_LUA REQUIRED IMPORTED_TARGET lua5.4)
pkg_check_modules(KK_PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8>=10.40)

add_library(kk_lua_objects OBJECT
  worker/lua_call.c
  worker/lua_docs.c
  worker/lua_error.c
  worker/lua_globals.c
  worker/lua_json.c
  worker/lua_limits.c
  worker/lua_namespace.c
  worker/lua_protect.c
  worker/lua_read.c
  worker/lua_regex.c
  worker/lua_regex_pattern.c
  worker/lua_runtime.c
  worker/lua_show.c
  worker/lua_values.c
  worker/lua_write.c
)
kk_configure(kk_lua_objects)
target_include_directories(kk_lua_objects PUBLIC
  ${CMAKE_CURRENT_SOURCE_DIR}/worker ${CMAKE_CURRENT_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR}/include)
target_link_libraries(kk_lua_objects PUBLIC PkgConfig::KK_CJSON PkgConfig::KK_LUA PkgConfig::KK_PCRE2)
