# kk-worker: the confined child that looks at plugins and runs Lua.  What it links is its own: no program that embeds the
# host needs any of it.
option(KK_WITH_LUA "Let the worker run Lua scripts" ON)
pkg_check_modules(KK_SECCOMP REQUIRED IMPORTED_TARGET GLOBAL libseccomp>=2.5.4)

add_executable(kk-worker
  src/loader_object.c
  src/manifest_copy.c
  src/manifest_pack.c
  src/manifest_shape.c
  worker/channel.c
  worker/describe.c
  worker/main.c
  worker/sandbox.c
)
kk_configure(kk-worker)
target_include_directories(kk-worker PRIVATE worker src)
target_link_libraries(kk-worker PRIVATE kk_base PkgConfig::KK_SECCOMP ${CMAKE_DL_LIBS})
target_compile_definitions(kk-worker PRIVATE ${KK_WORKER_UNCONFINED})
set_target_properties(kk-worker PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/libexec/kk)
add_dependencies(kkhost kk-worker)

if(KK_WITH_LUA)
  include(cmake/KkLua.cmake)
  target_sources(kk-worker PRIVATE worker/lua_role.c)
  target_compile_definitions(kk-worker PRIVATE KK_WORKER_LUA)
  target_link_libraries(kk-worker PRIVATE kk_lua_objects)
endif()
