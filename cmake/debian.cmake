# `cpack` makes a Debian package of each component: starling and libstarling-dev.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME starling)
set(CPACK_PACKAGE_CONTACT "starling <starling@localhost>")
set(CPACK_PACKAGE_HOMEPAGE_URL "")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian_stage.cmake)
set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
# What the program needs is read from the program, so that a package made on another release of Debian
# or on Ubuntu names the packages of that release.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME starling)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
# starling.yaml is the administrator's: an upgrade asks before it changes a line.
set(scripts ${PROJECT_SOURCE_DIR}/packaging/debian)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
  ${scripts}/conffiles ${scripts}/postinst ${scripts}/prerm ${scripts}/postrm)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libstarling-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)

# What a program that links the library needs: the -dev packages of the group `library`, under the names
# of the system that makes the package.
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/setup/install --names library
  OUTPUT_VARIABLE library_packages OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REPLACE "\n" ", " library_packages "${library_packages}")
# The program's package holds the browser bundles of Socket.IO, which the library serves.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "starling (= ${PROJECT_VERSION}), ${library_packages}")
include(CPack)
cpack_add_component(runtime DISPLAY_NAME "starling" DESCRIPTION
  "Real-time server\nHolds WebSocket connections and serves HTTP, by one configuration file.")
cpack_add_component(dev DISPLAY_NAME "libstarling" DESCRIPTION
  "Real-time server, as a C++20 library\nHeaders, the library, and files for CMake and pkg-config.")
