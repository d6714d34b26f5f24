# What srtctl is linked with, in one place: `srtctl --version --verbose` prints it, `./dev package` packs by it, and
# tests/package_test.cc holds the packed program to it.
#
# The packed program has to start on Debian 12 and newer. So a library is
#   archive  linked statically, where Debian ships an archive;
#   bundled  put beside the program, where it ships none and the name changes with each version of the library (libfmt.so.9);
#   system   taken from the machine: its name (soname) is the same in Debian 12 and 13. libcurl's archive would need some twenty
#            others, Kerberos among them, which has none; libcrypto and libssl come into the process with libcurl, and a second
#            copy of them beside that would be wrong;
#   headers, sources  compiled in.

set(INFBENCH_LIBRARIES)
# infbench_library(NAME VERSION HOW DEV-PACKAGE [WHICH]): DEV-PACKAGE has its licence; WHICH is of a system library the package to
# depend on, of a bundled one the target.
function(infbench_library)
  string(JOIN "|" entry ${ARGN})
  set(INFBENCH_LIBRARIES ${INFBENCH_LIBRARIES} ${entry} PARENT_SCOPE)
endfunction()

# infbench_archive(TARGET FILE): a target of ours that links Debian's archive instead of its shared library, which `from` would.
function(infbench_archive target file from)
  find_library(${target}_archive ${file} REQUIRED)
  add_library(${target} STATIC IMPORTED)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${${target}_archive}
    INTERFACE_INCLUDE_DIRECTORIES "$<TARGET_PROPERTY:${from},INTERFACE_INCLUDE_DIRECTORIES>")
endfunction()

infbench_archive(yaml_cpp libyaml-cpp.a yaml-cpp)
infbench_archive(xxh libxxhash.a PkgConfig::xxhash)

file(STRINGS /usr/share/include/llhttp/llhttp.h llhttp_lines REGEX "define LLHTTP_VERSION_(MAJOR|MINOR|PATCH)")
string(REGEX REPLACE "[^0-9;]" "" llhttp_lines "${llhttp_lines}")
list(JOIN llhttp_lines "." llhttp_version)
find_package(CLI11 REQUIRED)

infbench_library(Boost.Asio ${Boost_VERSION} headers libboost1.81-dev)
infbench_library(CLI11 ${CLI11_VERSION} headers libcli11-dev)
infbench_library(fmt ${fmt_VERSION} bundled libfmt-dev fmt::fmt)
infbench_library(libcurl ${CURL_VERSION_STRING} system libcurl4-openssl-dev libcurl4)
infbench_library(llhttp ${llhttp_version} sources node-llhttp)
infbench_library(OpenSSL ${OPENSSL_VERSION} system libssl-dev libssl3)
infbench_library(simdjson ${simdjson_VERSION} bundled libsimdjson-dev simdjson::simdjson)
infbench_library(tl-expected ${tl-expected_VERSION} headers libexpected-dev)
infbench_library(xxHash ${xxhash_VERSION} archive libxxhash-dev)
infbench_library(yaml-cpp ${yaml-cpp_VERSION} archive libyaml-cpp-dev)
infbench_library(ZeroMQ ${zmq_VERSION} system libzmq3-dev libzmq5)

set(INFBENCH_LIBRARY_LINES "  g++ ${CMAKE_CXX_COMPILER_VERSION}\n")
foreach(library IN LISTS INFBENCH_LIBRARIES)
  string(REPLACE "|" ";" library ${library})
  list(GET library 0 name)
  list(GET library 1 version)
  list(GET library 2 how)
  string(APPEND INFBENCH_LIBRARY_LINES "  ${name} ${version} (${how})\n")
endforeach()
