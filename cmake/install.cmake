# There are two components: `runtime` (the program, its pages, configuration and service) and `dev`
# (the library with its headers, for find_package and pkg-config). cpack makes a Debian package of
# each.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS starling RUNTIME COMPONENT runtime)
install(DIRECTORY web/ DESTINATION ${CMAKE_INSTALL_DATADIR}/starling/web COMPONENT runtime)
# src/app/CMakeLists.txt makes these.
set(help_dir ${CMAKE_BINARY_DIR}/help)
install(FILES ${help_dir}/starling.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT runtime
  OPTIONAL)
install(FILES ${help_dir}/starling.bash RENAME starling COMPONENT runtime OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${help_dir}/_starling COMPONENT runtime OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${help_dir}/starling.fish COMPONENT runtime OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
# setup/clients/install fetches the bundles. Without them, only the page of Socket.IO does not work.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/build/clients
  DESTINATION ${CMAKE_INSTALL_DATADIR}/starling COMPONENT runtime OPTIONAL
  PATTERN .installed-lock EXCLUDE)
install(FILES packaging/starling.service DESTINATION lib/systemd/system COMPONENT runtime)
install(DIRECTORY packaging/prometheus DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime
  OPTIONAL)
# The prefix /usr uses /etc; any other prefix has an etc folder of its own.
install(CODE "
  if(CMAKE_INSTALL_PREFIX MATCHES \"^(.*)/usr/?$\")
    set(sysconfdir \"\${CMAKE_MATCH_1}/etc\")
  else()
    set(sysconfdir \"\${CMAKE_INSTALL_PREFIX}/etc\")
  endif()
  file(INSTALL \"${PROJECT_SOURCE_DIR}/packaging/starling.yaml\"
    DESTINATION \"\${sysconfdir}/starling\" RENAME starling.yaml.example)
" COMPONENT runtime)

install(TARGETS starling_lib EXPORT starling ARCHIVE COMPONENT dev)
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
configure_file(cmake/starling.pc.in ${CMAKE_BINARY_DIR}/starling.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/starling.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

# setup/packages.txt says what the packages depend on.
function(packages_of_group group out)
  file(STRINGS ${PROJECT_SOURCE_DIR}/setup/packages.txt lines REGEX "^${group} ")
  set(names)
  foreach(line ${lines})
    string(REGEX REPLACE "^[a-z]+ +([^ ]+).*" "\\1" name "${line}")
    list(APPEND names ${name})
  endforeach()
  list(JOIN names ", " joined)
  set(${out} "${joined}" PARENT_SCOPE)
endfunction()
packages_of_group(run run_packages)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME starling)
set(CPACK_PACKAGE_CONTACT "starling <starling@localhost>")
set(CPACK_PACKAGE_HOMEPAGE_URL "")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME starling)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libc6, libstdc++6, ${run_packages}")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libstarling-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
# The program's package holds the browser bundles of Socket.IO, which the library serves.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
  "starling (= ${PROJECT_VERSION}), libssl-dev, zlib1g-dev, libcurl4-openssl-dev, libc-ares-dev, libboost1.81-dev, libboost-json1.81-dev, libboost-url1.81-dev, libsimdjson-dev, libspdlog-dev, libfmt-dev")
include(CPack)
cpack_add_component(runtime DISPLAY_NAME "starling" DESCRIPTION
  "Real-time server\nHolds WebSocket connections and serves HTTP, by one configuration file.")
cpack_add_component(dev DISPLAY_NAME "libstarling" DESCRIPTION
  "Real-time server, as a C++20 library\nHeaders, the static library, and files for CMake and pkg-config.")
