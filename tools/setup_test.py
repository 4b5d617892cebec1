"""Tests of setup/install. Stand-ins for apt and dpkg know a few packages of a system."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

PACKAGES = """# a comment
build g++                    the compiler
library libold-dev|libnew-dev  two names
build libnone-dev            no system has it
"""
# The state of the system: the files `installed` and `known`, with a name in each line.
STAND_INS = {
    "dpkg-query": 'grep -qx "${@: -1}" "$STATE/installed" && printf installed',
    # In another language the word is another one.
    "apt-cache": 'grep -qx "$2" "$STATE/known" && found=1.0 || found="(none)"\n'
                 '[[ ${LC_ALL-} == C ]] && echo "  Candidate: $found" || echo "  Installationskandidat: $found"',
    "apt-get": 'echo "apt-get $*" >>"$STATE/said"\n'
               '[[ $* == *" install "* ]] || exit 0\n'
               'all=$*\nfor name in ${all##*--no-install-recommends}; do\n'
               '    grep -qx "$name" "$STATE/known" || { echo "E: Unable to locate package $name"; exit 100; }\n'
               '    echo "$name" >>"$STATE/installed"\ndone',
    "id": "echo 0",
    "sleep": "exit",
}


class Install(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.makedirs(os.path.join(self.folder, "clone/setup"))
        for name in ("install", "steps.sh"):
            shutil.copy(os.path.join(ROOT, "setup", name), os.path.join(self.folder, "clone/setup"))
        self.write("clone/setup/packages.txt", PACKAGES)
        os.makedirs(os.path.join(self.folder, "bin"))
        for name, text in STAND_INS.items():
            self.write(f"bin/{name}", f"#!/bin/bash\n{text}\n")
            os.chmod(os.path.join(self.folder, "bin", name), 0o755)

    def write(self, name: str, text: str) -> None:
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def said(self) -> str:
        with open(os.path.join(self.folder, "said"), encoding="utf-8") as file:
            return file.read()

    def run_it(self, *arguments: str, installed: tuple = (), known: tuple = ()) -> subprocess.CompletedProcess:
        self.write("installed", "".join(f"{name}\n" for name in installed))
        self.write("known", "".join(f"{name}\n" for name in known))
        self.write("said", "")
        env = {**os.environ, "STATE": self.folder, "PATH": os.path.join(self.folder, "bin") + ":" + os.environ["PATH"]}
        env.pop("LC_ALL", None)
        return subprocess.run([os.path.join(self.folder, "clone/setup/install"), *arguments], env=env, text=True,
                              capture_output=True, check=False)

    def test_of_several_names_the_one_of_the_system_is_taken(self):
        for installed, known, name in (
                ((), ("libold-dev", "libnew-dev"), "libold-dev"),
                ((), ("libnew-dev",), "libnew-dev"),
                (("libnew-dev",), ("libold-dev", "libnew-dev"), "libnew-dev"),
                ((), (), "libold-dev")):
            got = self.run_it("--names", "library", installed=installed, known=known)
            self.assertEqual(got.stdout, f"{name}\n", (installed, known))

    def test_where_nothing_is_missing_apt_is_not_asked(self):
        got = self.run_it("library", installed=("libnew-dev",))
        self.assertEqual((got.returncode, got.stdout, self.said()), (0, "", ""))

    def test_what_is_missing_is_installed(self):
        got = self.run_it("library", known=("libnew-dev",))
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertRegex(self.said(), r"update\n.* install --no-install-recommends libnew-dev\n$")

    def test_a_package_that_the_release_does_not_have_keeps_no_other_away(self):
        got = self.run_it("build", known=("g++", "libnew-dev"))
        self.assertEqual(got.returncode, 1)
        self.assertRegex(self.said(), r" install --no-install-recommends g\+\+ libnew-dev\n$")
        self.assertIn("no package source has libnone-dev", got.stderr)
        self.assertIn("these packages could not be installed: libnone-dev\n", got.stderr)


if __name__ == "__main__":
    unittest.main()
