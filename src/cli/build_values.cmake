# Run at build time: writes OUTPUT from INPUT with the commit of SOURCE_DIR, only when it changed.
# MING_BUILD_COMMIT in the environment says it where there is no repository, as in a container image.
set(BUILD_COMMIT unknown)
if(NOT "$ENV{MING_BUILD_COMMIT}" STREQUAL "")
  set(BUILD_COMMIT $ENV{MING_BUILD_COMMIT})
endif()
find_program(GIT git)
if(GIT)
  # Nothing is printed only at the top of a work tree: an unpacked archive inside another one is not it.
  execute_process(
    COMMAND ${GIT} -C ${SOURCE_DIR} rev-parse --show-prefix
    OUTPUT_VARIABLE prefix RESULT_VARIABLE failed ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed AND prefix STREQUAL "")
    execute_process(
      COMMAND ${GIT} -C ${SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude *
      OUTPUT_VARIABLE described RESULT_VARIABLE failed ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT failed)
      set(BUILD_COMMIT ${described})
    endif()
  endif()
endif()
configure_file(${INPUT} ${OUTPUT} @ONLY)
