# Whether warnings are errors: with the compilers with which every commit is built. Another one may warn about what
# is right, and then builds nevertheless.
set(warnings_are_errors OFF)
if(PROJECT_IS_TOP_LEVEL AND "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" MATCHES "^(GNU 12|Clang 14)[.]")
  set(warnings_are_errors ON)
endif()
option(STARLING_WERROR "Treat warnings as errors" ${warnings_are_errors})
