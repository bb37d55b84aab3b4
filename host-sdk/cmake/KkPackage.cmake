# The Debian package: `cpack -G DEB` in a build tree that was configured with -DCMAKE_INSTALL_PREFIX=/usr.  What it holds is what
# `cmake --install` gives; KkPackageFiles.cmake then makes of it what Debian's policy asks for.
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME kk)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR "The kk authors")
set(CPACK_PACKAGE_CONTACT "kk maintainers <kk@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "agent tools as C plugins")
set(CPACK_PACKAGE_DESCRIPTION
"kk calls the functions of services, such as PlanetScale, for agents and for
people: each service is a plugin, credentials stay in an encrypted keyring,
and a call can be recorded and replayed without a network.
The package holds the program, its plugin, libkkhost for programs that embed
the host, and the headers for those and for plugins.")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What the programs are linked with names their packages, and the live modules that of libcurl.  libkkhost comes with kk.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
# What a program needs that is linked with the static libraries.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libcjson-dev, libsodium-dev, libcurl4-openssl-dev | libcurl-dev")

# The library is a new one to the loader, whose cache dpkg brings up to date once all packages are in place.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/debian/triggers)

set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/KkPackageFiles.cmake)
set(CPACK_KK_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_KK_STRIP ${CMAKE_STRIP})
set(CPACK_KK_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
set(CPACK_KK_MANDIR ${CMAKE_INSTALL_FULL_MANDIR})
set(CPACK_KK_DATADIR ${CMAKE_INSTALL_FULL_DATADIR})
include(CPack)
