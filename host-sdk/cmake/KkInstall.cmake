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

# The manual page and the completion scripts, which kk writes itself.
set(KK_SHARE ${CMAKE_CURRENT_BINARY_DIR}/share)
set(KK_SHARE_FILES ${KK_SHARE}/kk.1 ${KK_SHARE}/kk.bash ${KK_SHARE}/_kk ${KK_SHARE}/kk.fish)
add_custom_command(OUTPUT ${KK_SHARE_FILES}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${KK_SHARE}
  COMMAND kk help --man > ${KK_SHARE}/kk.1
  COMMAND kk completion bash > ${KK_SHARE}/kk.bash
  COMMAND kk completion zsh > ${KK_SHARE}/_kk
  COMMAND kk completion fish > ${KK_SHARE}/kk.fish
  DEPENDS kk VERBATIM)
add_custom_target(kk_share ALL DEPENDS ${KK_SHARE_FILES})
install(FILES ${KK_SHARE}/kk.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${KK_SHARE}/kk.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME kk)
install(FILES ${KK_SHARE}/_kk DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${KK_SHARE}/kk.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

include(cmake/KkPackage.cmake)
