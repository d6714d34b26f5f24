# What `./dev package` packs: the .deb and the tarball have the same tree, bin/, lib/infbench/ and share/, the one below /usr,
# the other wherever it is unpacked. The program finds ../share/infbench/data and ../lib/infbench from where it lies.

set(pages ${CMAKE_BINARY_DIR}/pages)  # man pages, completion, licences: written by the built program and gzip
foreach(library IN LISTS INFBENCH_LIBRARIES)
  string(REPLACE "|" ";" library ${library})
  list(GET library 2 how)
  list(GET library 3 dev_package)
  if(NOT how STREQUAL system)
    list(APPEND licences COMMAND gzip -9nc /usr/share/doc/${dev_package}/copyright > ${pages}/licenses/${dev_package}.gz)
  endif()
endforeach()
add_custom_target(pages
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${pages}
  COMMAND srtctl man ${pages}/man
  COMMAND gzip -9n -r ${pages}/man
  COMMAND srtctl completion bash > ${pages}/srtctl
  COMMAND gzip -9nc ${CMAKE_SOURCE_DIR}/cmake/changelog > ${pages}/changelog.gz
  COMMAND ${CMAKE_COMMAND} -E make_directory ${pages}/licenses
  ${licences}
  DEPENDS srtctl)

set_target_properties(srtctl PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/infbench")
install(TARGETS srtctl DESTINATION bin)
install(DIRECTORY ${pages}/man/ DESTINATION share/man/man1)
install(FILES ${pages}/srtctl DESTINATION share/bash-completion/completions)
install(DIRECTORY data recipies DESTINATION share/infbench FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
install(FILES README.md SECURITY.md ${pages}/changelog.gz DESTINATION share/doc/infbench)
install(DIRECTORY docs DESTINATION share/doc/infbench FILES_MATCHING PATTERN "*.md")
install(DIRECTORY ${pages}/licenses DESTINATION share/doc/infbench)
install(FILES cmake/copyright DESTINATION share/doc/infbench)

set(CPACK_PACKAGE_NAME infbench)
set(CPACK_PACKAGE_VENDOR infbench)
set(CPACK_PACKAGE_CONTACT "infbench <infbench@infbench.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "which LLM deployment and routing policy meets latency limits")
set(CPACK_PACKAGE_DESCRIPTION "srtctl reads a recipe of prefill, decode or aggregated workers behind a router,
and a trace of traffic, and tells how many requests meet the limits for the
first token and for each token after it: in virtual time, against a server,
or as a Slurm job.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6 (>= 2.36), libgcc-s1 (>= 12), libstdc++6 (>= 12)")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

foreach(library IN LISTS INFBENCH_LIBRARIES)
  string(REPLACE "|" ";" library ${library})
  list(GET library 2 how)
  list(GET library -1 which)
  if(how STREQUAL system)
    string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", ${which}")
  elseif(how STREQUAL bundled)
    # By the name that the program asks for, which is that of a link to the file.
    get_target_property(configurations ${which} IMPORTED_CONFIGURATIONS)
    list(GET configurations 0 configuration)
    get_target_property(file ${which} IMPORTED_LOCATION_${configuration})
    get_target_property(soname ${which} IMPORTED_SONAME_${configuration})
    install(FILES ${file} DESTINATION lib/infbench RENAME ${soname})
  endif()
endforeach()
include(CPack)
