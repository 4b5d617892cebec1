"""Conan 2: conan create packaging/conan builds the clone in which this recipe lies. The library alone."""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


class Starling(ConanFile):
    name = "starling"
    description = "Real-time server and C++20 library for the connections of browsers and devices"
    license = "MIT"
    topics = ("websocket", "socket.io", "server-sent events", "real-time")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": False}

    def _clone(self):
        return os.path.join(self.recipe_folder, os.pardir, os.pardir)

    def set_version(self):
        text = load(self, os.path.join(self._clone(), "CMakeLists.txt"))
        self.version = re.search(r"project\(starling VERSION (\S+)", text).group(1)

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*"):
            copy(self, pattern, src=self._clone(), dst=self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("boost/[>=1.81 <2]", transitive_headers=True)
        for package in ("c-ares/[>=1.18 <2]", "libcurl/[>=7.88 <9]", "liburing/[>=2.3 <3]", "openssl/[>=3 <4]",
                        "simdjson/[>=2 <4]", "spdlog/[>=1.10 <2]", "zlib/[>=1.2.13 <2]"):
            self.requires(package)

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables.update({
            "STARLING_PROGRAMS": False, "STARLING_WERROR": False, "STARLING_SHARED": bool(self.options.shared)})
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        self.cpp_info.libs = ["starling"]
        self.cpp_info.system_libs = ["pthread"]
        self.cpp_info.set_property("cmake_target_name", "starling::starling")
        self.cpp_info.requires = ["boost::json", "boost::url", "c-ares::c-ares", "libcurl::libcurl",
                                  "liburing::liburing", "openssl::openssl", "simdjson::simdjson", "spdlog::spdlog", "zlib::zlib"]
