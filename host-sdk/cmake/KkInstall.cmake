# What an installation holds: the headers, the host library shared and static, the live module, the worker, kk, the CMake package and the
# pkg-config files.  The plugin installs itself.
include(CMakePackageConfigHelpers)
set(KK_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/kkhost)

install(TARGETS kk RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS kk-worker RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/kk)
install(TARGETS kk_live LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/kk)
install(TARGETS kkhost EXPORT kkhost LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS kkhost_static kk_live_static kk_base_objects kkhost_objects kk_live_objects EXPORT kkhost-static
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/kk DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)

install(EXPORT kkhost NAMESPACE kkhost:: DESTINATION ${KK_CMAKE_DIR} FILE kkhostShared.cmake)
install(EXPORT kkhost-static NAMESPACE kkhost:: DESTINATION ${KK_CMAKE_DIR} FILE kkhostStatic.cmake)
install(FILES cmake/KkDependencies.cmake DESTINATION ${KK_CMAKE_DIR})
configure_package_config_file(cmake/kkhostConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/kkhostConfig.cmake
  INSTALL_DESTINATION ${KK_CMAKE_DIR})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/kkhostConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/kkhostConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/kkhostConfigVersion.cmake
  DESTINATION ${KK_CMAKE_DIR})

# The files find their own prefix, so that an installation can be moved.
file(RELATIVE_PATH KK_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" KK_PC_TO_PREFIX "${KK_PC_TO_PREFIX}")
foreach(name kkhost kk-plugin)
  configure_file(cmake/${name}.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
