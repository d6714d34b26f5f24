# Flags that make a hole harder to use, of what users run (release); where nothing has to be compiled again for it, of dev too, so
# that the tests run on it. tests/hardening_test.cc looks for them in the built programs. docs/reliability.md says what they cost.
#
# Position-independent code is g++'s own default in Debian; only the link has to hold to it.
if(CMAKE_BUILD_TYPE STREQUAL Release)
  set(hardening_compile -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong
    -fstack-clash-protection -fcf-protection)
  add_compile_options(${hardening_compile})
endif()
if(NOT CMAKE_CXX_FLAGS_DEBUG MATCHES "-fsanitize")  # which have a link of their own
  set(hardening_link -pie -Wl,-z,relro,-z,now,-z,noexecstack)
  add_link_options(${hardening_link})
endif()
list(JOIN hardening_compile " " INFBENCH_HARDENING_TEXT)
list(JOIN hardening_link " " hardening_link)
string(STRIP "${INFBENCH_HARDENING_TEXT} ${hardening_link}" INFBENCH_HARDENING_TEXT)
