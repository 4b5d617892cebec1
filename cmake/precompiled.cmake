# The unit tests, and with sanitizers the library and the program, take the headers of libraries from a precompiled
# one: a file of tests compiles in half the time. The release build reads each header, so that a missing #include of
# the library is found there.
function(starling_precompile target header)
  target_precompile_headers(${target} PRIVATE ${header})
  # For ccache: the first makes the file the same at each time; the second names it in what ccache reads.
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()
