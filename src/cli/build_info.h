// Which program this is: version, commit, how it was built and with what. Written by CMake from cmake/build_info.cc.in.
// Constants, any thread.
#pragma once

#include <string>
#include <string_view>

namespace infbench::cli {

std::string_view version();     // "0.1.0"
std::string_view commit();      // "34628c5", with "-dirty" when files had been changed; "unknown" without git
std::string_view build_type();  // "Release"
std::string_view libraries();   // a line for each: name, version, how it is linked
std::string_view hardening();   // flags that make attacks harder; empty: built without

// What --version prints; `verbose`: with the libraries, the versions of those that this machine has, and the flags.
std::string version_text(bool verbose);

}  // namespace infbench::cli
