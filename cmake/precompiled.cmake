# The unit tests, and with sanitizers the library and the program, take the headers of libraries from a precompiled
# one: a file of tests compiles in half the time. The release build reads each header, so that a missing #include of
# the library is found there.
function(starling_precompile target header)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    starling_precompile_by_clang(${target} ${header})
  else()
    target_precompile_headers(${target} PRIVATE ${header})
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # For ccache: it names the file in what ccache reads.
  endif()
endfunction()

# The file that clang makes names the folder of the build, and so does each command of target_precompile_headers(), in a
# way that ccache keeps: what it has of one clone would be worth nothing in another. Here ccache sees a path that it makes
# relative, and compares the sum beside the file (CCACHE_PCH_EXTSUM).
function(starling_precompile_by_clang target header)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/${target}.pch)
  set(definitions "$<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>")
  set(folders "$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>")
  string(TOUPPER "CMAKE_CXX_FLAGS_${CMAKE_BUILD_TYPE}" flags)
  separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS} ${${flags}}")
  add_custom_command(OUTPUT ${file} ${file}.sum
    COMMAND sh ${PROJECT_SOURCE_DIR}/cmake/precompile.sh ${file} ${header}
            ${CMAKE_CXX_COMPILER} -std=c++${CMAKE_CXX_STANDARD} ${flags}
            "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>" "$<$<BOOL:${folders}>:-I$<JOIN:${folders},;-I>>"
            "$<TARGET_PROPERTY:${target},COMPILE_OPTIONS>"
    DEPENDS ${header} ${PROJECT_SOURCE_DIR}/cmake/precompile.sh
    DEPFILE ${file}.d
    COMMENT "Precompiling headers of ${target}"
    COMMAND_EXPAND_LISTS VERBATIM)
  get_target_property(sources ${target} SOURCES)
  set_source_files_properties(${sources} PROPERTIES OBJECT_DEPENDS ${file}
    COMPILE_OPTIONS "-include-pch;${file}")
endfunction()
