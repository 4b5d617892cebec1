# Every dependency is a Debian 12 package; setup/packages.txt names them.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL 7.88 REQUIRED)
# Debian's package of c-ares has no files for CMake.
find_path(CARES_INCLUDE_DIR ares.h REQUIRED)
find_library(CARES_LIBRARY cares REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(simdjson REQUIRED)
find_package(spdlog REQUIRED)
if(STARLING_PROGRAMS)
  find_package(yaml-cpp REQUIRED)
  find_package(CLI11 REQUIRED)
  find_package(SQLite3 REQUIRED)
  # Nor has libedit.
  find_path(EDIT_INCLUDE_DIR histedit.h REQUIRED)
  find_library(EDIT_LIBRARY edit REQUIRED)
endif()
