# Run by CPack between the installation into its own folder and the making of the package: what a Debian package has and an
# installation elsewhere has not.
set(root ${CPACK_TEMPORARY_DIRECTORY})
set(doc ${root}${CPACK_KK_DATADIR}/doc/kk)
set(readable OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

if(NOT CPACK_PACKAGING_INSTALL_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "A Debian package installs into /usr, and this tree was configured for ${CPACK_PACKAGING_INSTALL_PREFIX}. "
    "Configure it with -DCMAKE_INSTALL_PREFIX=/usr.")
endif()

function(kk_run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "Failed (${status}): ${ARGN}")
  endif()
endfunction()

# An installation strips programs and shared libraries only.
file(GLOB archives ${root}${CPACK_KK_LIBDIR}/*.a)
foreach(archive IN LISTS archives)
  kk_run(${CPACK_KK_STRIP} --strip-debug --enable-deterministic-archives ${archive})
  file(CHMOD ${archive} PERMISSIONS ${readable})
endforeach()

# zsh looks for a package's completions elsewhere than for those that an administrator has added.
file(MAKE_DIRECTORY ${root}${CPACK_KK_DATADIR}/zsh/vendor-completions)
file(RENAME ${root}${CPACK_KK_DATADIR}/zsh/site-functions/_kk ${root}${CPACK_KK_DATADIR}/zsh/vendor-completions/_kk)
file(REMOVE_RECURSE ${root}${CPACK_KK_DATADIR}/zsh/site-functions)

# The changelog's date is that of the packing; SOURCE_DATE_EPOCH sets it, as everywhere.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(MAKE_DIRECTORY ${doc})
file(COPY_FILE ${CPACK_KK_LICENSE} ${doc}/copyright)
file(WRITE ${doc}/changelog
  "kk (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n"
  "  * Release ${CPACK_PACKAGE_VERSION}.\n\n"
  " -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
kk_run(gzip -9n ${doc}/changelog ${root}${CPACK_KK_MANDIR}/man1/kk.1)
file(CHMOD ${doc}/copyright ${doc}/changelog.gz ${root}${CPACK_KK_MANDIR}/man1/kk.1.gz PERMISSIONS ${readable})

# Whatever the umask of the one who packs.
file(GLOB_RECURSE places LIST_DIRECTORIES true ${root}/*)
foreach(place IN LISTS places)
  if(IS_DIRECTORY ${place} AND NOT IS_SYMLINK ${place})
    file(CHMOD ${place} PERMISSIONS ${readable} OWNER_EXECUTE GROUP_EXECUTE WORLD_EXECUTE)
  endif()
endforeach()
