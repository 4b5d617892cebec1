# There are two components: `runtime` (the program, its pages, configuration and service) and `dev`
# (the library with its headers, for find_package and pkg-config).
include(CMakePackageConfigHelpers)

install(TARGETS starling_lib EXPORT starling
  ARCHIVE COMPONENT dev
  LIBRARY COMPONENT runtime NAMELINK_COMPONENT dev)
install(DIRECTORY include/starling DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/starling)
install(EXPORT starling NAMESPACE starling:: FILE starling-targets.cmake
  DESTINATION ${package_dir} COMPONENT dev)
configure_package_config_file(cmake/starling-config.cmake.in
  ${CMAKE_BINARY_DIR}/starling-config.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
# Until 1.0 a minor version may change the API.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/starling-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/starling-config.cmake
  ${CMAKE_BINARY_DIR}/starling-config-version.cmake DESTINATION ${package_dir} COMPONENT dev)

# A relative prefix, so that an installed tree can be moved. LIBDIR is two or three folders below
# it.
file(RELATIVE_PATH pc_to_prefix /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
if(STARLING_SHARED)
  set(pc_private .private)
else()
  set(pc_boost_url "-lboost_url -lcrypt ")
endif()
configure_file(cmake/starling.pc.in ${CMAKE_BINARY_DIR}/starling.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/starling.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

if(STARLING_PROGRAMS)
  include(cmake/install_program.cmake)
  include(cmake/debian.cmake)
endif()
