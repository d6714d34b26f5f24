# Puts the commit that is built into OUT, a copy of IN. Run at every build; OUT keeps its time when nothing has changed, so
# nothing is compiled again. In a tarball without git it is the commit that `git archive` wrote into commit.txt.
execute_process(COMMAND git -C ${SOURCE} rev-parse --show-toplevel OUTPUT_VARIABLE top ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
set(COMMIT unknown)
if(top STREQUAL SOURCE)
  execute_process(COMMAND git -C ${SOURCE} describe --always --abbrev=12 --exclude=* --dirty
    OUTPUT_VARIABLE COMMIT ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
else()
  file(STRINGS ${SOURCE}/cmake/commit.txt archived LIMIT_COUNT 1)
  if(archived MATCHES "^[0-9a-f]+$")
    string(SUBSTRING ${archived} 0 12 COMMIT)
  endif()
endif()
configure_file(${IN} ${OUT} @ONLY)
