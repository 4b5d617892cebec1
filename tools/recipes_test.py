"""Tests of packaging/vcpkg and packaging/conan: they name what the build needs, and call it rightly. Neither
vcpkg nor Conan is a Debian package, so stand-ins for what they provide run the recipes."""
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PORT = os.path.join(ROOT, "packaging/vcpkg/starling")

# What CMake finds for the library alone, by its name in vcpkg and in Conan.
NAMES = {
    "OpenSSL": ("openssl", "openssl"), "ZLIB": ("zlib", "zlib"), "CURL": ("curl", "libcurl"),
    "c-ares": ("c-ares", "c-ares"), "liburing": ("liburing", "liburing"),
    "Boost": ("boost-json boost-url", "boost"),
    "simdjson": ("simdjson", "simdjson"), "spdlog": ("spdlog", "spdlog"),
}
# Functions of vcpkg: the first one configures the clone indeed, the others print their arguments.
VCPKG = """
function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 given "" SOURCE_PATH OPTIONS)
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${given_SOURCE_PATH} -B ${WORK}/build -G Ninja
      -DCMAKE_BUILD_TYPE=RelWithDebInfo ${given_OPTIONS} COMMAND_ERROR_IS_FATAL ANY)
endfunction()
foreach(name vcpkg_cmake_install vcpkg_cmake_config_fixup vcpkg_fixup_pkgconfig vcpkg_install_copyright)
  cmake_language(EVAL CODE "function(${name})\\nmessage(\\"${name} \\${ARGV}\\")\\nendfunction()")
endforeach()
set(CURRENT_PORT_DIR ${PORT})
set(CURRENT_PACKAGES_DIR ${WORK}/packages)
include(${PORT}/portfile.cmake)
"""


def read(*path: str) -> str:
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


VERSION = re.search(r"project\(starling VERSION (\S+)", read("CMakeLists.txt")).group(1)


def needed() -> set[str]:
    library = read("cmake/dependencies.cmake").split("if(STARLING_PROGRAMS)")[0]
    return set(re.findall(r"find_package\(([\w-]+)", library)) - {"Threads"}


class Vcpkg(unittest.TestCase):
    def test_the_port_names_version_and_dependencies(self):
        port = json.loads(read("packaging/vcpkg/starling/vcpkg.json"))
        self.assertEqual(port["version"], VERSION)
        named = {entry for entry in port["dependencies"] if isinstance(entry, str)}
        self.assertEqual(named, {name for package in needed() for name in NAMES[package][0].split()})

    def test_the_port_configures_the_library_alone(self):
        for linkage, built in (("static", "libstarling.a"), ("dynamic", "libstarling.so")):
            work = tempfile.mkdtemp()
            self.addCleanup(shutil.rmtree, work)
            script = os.path.join(work, "port.cmake")
            with open(script, "w", encoding="utf-8") as file:
                file.write(VCPKG)
            done = subprocess.run(["cmake", f"-DWORK={work}", f"-DPORT={PORT}", f"-DVCPKG_LIBRARY_LINKAGE={linkage}",
                                   "-P", script], text=True, capture_output=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("vcpkg_cmake_config_fixup PACKAGE_NAME;starling;CONFIG_PATH;lib/cmake/starling", done.stderr)
            self.assertRegex(done.stderr, r"vcpkg_install_copyright FILE_LIST;\S+/LICENSE")
            with open(os.path.join(work, "build/build.ninja"), encoding="utf-8") as file:
                rules = file.read()
            self.assertRegex(rules, rf"(?m)^build {re.escape(built)}")
            self.assertNotIn("src/app/", rules)
            self.assertNotIn("-Werror", rules)


class Conan(unittest.TestCase):
    def setUp(self):
        made = {
            "conan": {"ConanFile": object}, "conan.tools": {},
            "conan.tools.build": {"check_min_cppstd": lambda *_: None},
            "conan.tools.cmake": dict.fromkeys(("CMake", "CMakeDeps", "CMakeToolchain", "cmake_layout"), None),
            "conan.tools.files": {"copy": self.copy, "load": lambda _, path: read(path)},
        }
        for name, members in made.items():
            module = types.ModuleType(name)
            vars(module).update(members)
            sys.modules[name] = module
            self.addCleanup(sys.modules.pop, name)
        path = os.path.join(ROOT, "packaging/conan/conanfile.py")
        spec = importlib.util.spec_from_file_location("conanfile", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.copied = []
        self.recipe = module.Starling()
        self.recipe.recipe_folder = os.path.dirname(path)
        self.recipe.export_sources_folder = "/sources"

    def copy(self, _, pattern, src, dst):
        self.copied.append((pattern, os.path.realpath(src), dst))

    def test_the_recipe_names_version_and_dependencies(self):
        self.recipe.set_version()
        self.assertEqual(self.recipe.version, VERSION)
        required = []
        self.recipe.requires = lambda name, **_: required.append(name.split("/")[0])
        self.recipe.requirements()
        self.assertEqual(sorted(required), sorted(NAMES[package][1] for package in needed()))
        self.recipe.cpp_info = types.SimpleNamespace(set_property=lambda *_: None)
        self.recipe.package_info()
        self.assertEqual({name.split("::")[0] for name in self.recipe.cpp_info.requires}, set(required))

    def test_the_recipe_takes_what_the_library_is_built_from(self):
        self.recipe.export_sources()
        for pattern, source, _ in self.copied:
            self.assertEqual(source, ROOT)
            self.assertTrue(os.path.exists(os.path.join(ROOT, pattern.removesuffix("/*"))), pattern)
        self.assertEqual({pattern for pattern, *_ in self.copied},
                         {"CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*"})


class Homebrew(unittest.TestCase):
    """A formula is Ruby, which need not be here; its lines are read."""

    def test_the_formula_names_what_the_program_needs(self):
        formula = read("packaging/homebrew/starling.rb")
        named = set(re.findall(r'(?m)^  depends_on "([^"]+)"$', formula))
        # What CMake finds, by its name in Homebrew.
        names = {"OpenSSL": "openssl@3", "ZLIB": "zlib", "CURL": "curl", "c-ares": "c-ares", "CRYPT": "libxcrypt",
                 "liburing": "liburing", "Boost": "boost", "simdjson": "simdjson", "spdlog": "spdlog",
                 "yaml-cpp": "yaml-cpp", "CLI11": "cli11", "SQLite3": "sqlite", "EDIT": "libedit"}
        asked = read("cmake/dependencies.cmake")
        needed_by_all = set(re.findall(r"find_package\(([\w-]+)", asked)) - {"Threads"}
        needed_by_all |= {name for name in re.findall(r"find_library\((\w+)_LIBRARY", asked)
                          if name not in ("CARES", "URING")}
        self.assertEqual(named, {names[name] for name in needed_by_all})

    def test_the_formula_builds_targets_and_components_that_there_are(self):
        formula = read("packaging/homebrew/starling.rb")
        component = re.search(r'"--component", "(\w+)"', formula).group(1)
        self.assertIn(f"COMPONENT {component}", read("cmake/install_program.cmake") + read("cmake/install.cmake"))
        for target in re.search(r'"--target", (.*)$', formula, re.M).group(1).replace('"', "").split(", "):
            self.assertRegex(read("CMakeLists.txt") + read("src/app/CMakeLists.txt"),
                             rf"add_(executable|library)\({target}\b")


class Container(unittest.TestCase):
    """Neither podman nor docker is at hand everywhere, so the files are read."""

    def setUp(self):
        self.file = read("packaging/Containerfile")

    def test_olares_finds_the_gateway(self):
        self.assertIn("RUN ln -s /usr/bin/starling /ws-gateway\n", self.file)
        self.assertIn('== "ws-gateway")', read("src/app/main.cpp"))

    def test_the_health_check_asks_the_address_of_the_packages_configuration(self):
        port = re.search(r"EXPOSE (\d+)", self.file).group(1)
        self.assertIn(f"ENV HEALTH_URL=http://127.0.0.1:{port}/healthz\n", self.file)
        self.assertRegex(self.file, r'HEALTHCHECK .*CMD curl .*"\$HEALTH_URL"')
        for stage in ("packaging/debian/starling.yaml", "packaging/starling.yaml"):
            if os.path.exists(os.path.join(ROOT, stage)):
                self.assertIn(f"127.0.0.1:{port}", read(stage), stage)

    def test_what_is_copied_and_built_is_there(self):
        for name in re.findall(r"(?m)^COPY (?!--)(\S+) ", self.file):
            self.assertTrue(os.path.exists(os.path.join(ROOT, name)), name)
        presets = {preset["name"] for preset in json.loads(read("CMakePresets.json"))["configurePresets"]}
        self.assertIn(re.search(r"cmake --preset (\S+)", self.file).group(1), presets)
        self.assertIn("if(STARLING_COMMIT)", read("src/app/CMakeLists.txt"))
        for option in re.findall(r"setup/install ([\w ]+) &&", self.file):
            named = {line.split()[0] for line in read("setup/packages.txt").split("\n") if line and line[0] != "#"}
            self.assertLessEqual(set(option.split()), named)

    def test_the_composition_sets_keys_that_there_are(self):
        text = read("packaging/compose.yaml")
        self.assertIn("dockerfile: packaging/Containerfile", text)
        variables = re.findall(r"(STARLING_\w+):", text)
        self.assertTrue(variables)
        schema = json.loads(read("packaging/starling.schema.json"))
        for variable in variables:
            node = schema
            for key in variable.removeprefix("STARLING_").lower().split("__"):
                self.assertIn(key, node["properties"], variable)
                node = node["properties"][key]


if __name__ == "__main__":
    unittest.main()
