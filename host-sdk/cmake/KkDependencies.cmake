# Every library that kk links, found once.  The same file is installed beside the package configuration, so that a
# consumer of the static library finds what it names.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(KK_CJSON REQUIRED IMPORTED_TARGET libcjson>=1.7.15)
pkg_check_modules(KK_SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(KK_CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
