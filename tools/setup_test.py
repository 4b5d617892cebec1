"""Tests of setup/install and setup/valkey. Stand-ins for apt and dpkg know a few packages of a system."""
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


# The state of the machine: the file `mirrors`, with "URI RELEASE" in each line. A mirror with "new" in its name has
# the release of Valkey.
VALKEY_STAND_INS = {
    "apt-get": 'echo "${*: -1}" >>"$STATE/said"\n'
               'for word in "$@"; do case $word in\n'
               '    Dir::Etc::SourceList=*) list=${word#*=} ;;\n    Dir::Cache=*) cache=${word#*=} ;;\n'
               'esac; done\n'
               'case $* in\n    indextargets*) cat "$STATE/mirrors" ;;\n'
               '    *update) grep -q "^deb \\[signed-by=.*\\] .*new.* trixie main$" "$list" ;;\n'
               '    *--download-only*) touch "$cache/archives/libc6_1.deb" "$cache/archives/valkey-server_1.deb" '
               '"$cache/archives/adduser_1.deb" ;;\nesac',
    "dpkg-deb": 'mkdir -p "$3/usr/bin" "$3/usr/lib64" "$3/usr/lib/here"\n'
                'case ${2##*/} in\n    adduser*) exit 1 ;;\n    valkey*) touch "$3"/usr/bin/valkey-{server,cli} ;;\n'
                '    *) touch "$3/usr/lib/here/libc.so.6"; loader=$3/usr/lib64/ld-linux-x86-64.so.2\n'
                '        printf \'#!/bin/bash\\necho "$*"\\n\' >"$loader"; chmod +x "$loader" ;;\nesac',
}
TOOLS = ("bash", "cat", "chmod", "dirname", "find", "grep", "mkdir", "mv", "rm", "touch", "uniq")


class Valkey(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("bin", "clone/setup"):
            os.makedirs(os.path.join(self.folder, name))
        shutil.copy(os.path.join(ROOT, "setup/valkey"), os.path.join(self.folder, "clone/setup"))
        for name in TOOLS:
            os.symlink(shutil.which(name), os.path.join(self.folder, "bin", name))
        for name, text in VALKEY_STAND_INS.items():
            self.program(f"bin/{name}", text)

    def program(self, name: str, text: str) -> None:
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/bash\n{text}\n")
        os.chmod(path, 0o755)

    def run_it(self, mirrors: str = "") -> tuple[int, str, str, str]:
        """The exit status, both outputs, and the last word of each call of apt-get."""
        for name, text in (("mirrors", mirrors), ("said", "")):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([os.path.join(self.folder, "clone/setup/valkey")], text=True, capture_output=True,
                              env={"STATE": self.folder, "PATH": os.path.join(self.folder, "bin")}, check=False)
        with open(os.path.join(self.folder, "said"), encoding="utf-8") as file:
            return done.returncode, done.stdout, done.stderr, file.read()

    def left(self) -> list[str]:
        path = os.path.join(self.folder, "clone/build")
        return sorted(os.listdir(path)) if os.path.exists(path) else []

    def test_the_first_mirror_that_has_the_release_is_taken(self):
        status, out, err, _ = self.run_it("http://old bookworm\nhttp://other cloud-new\nhttp://new/debian bookworm\n")
        self.assertEqual((status, out, err), (0, "setup: Valkey of Debian trixie, to build/valkey ...\n", ""))
        self.assertEqual(self.left(), ["valkey", "valkey.log"])
        self.assertEqual(sorted(os.listdir(os.path.join(self.folder, "clone/build/valkey"))),
                         ["system", "valkey-cli", "valkey-server"])

    def test_the_program_runs_with_the_loader_and_the_libraries_of_its_release(self):
        self.run_it("http://new trixie\n")
        here = os.path.join(self.folder, "clone/build/moved")
        os.rename(os.path.join(self.folder, "clone/build/valkey"), here)
        done = subprocess.run([f"{here}/valkey-server", "--port", "a b"], text=True, capture_output=True, check=True)
        self.assertEqual(done.stdout, f"--argv0 valkey-server --library-path {here}/system/usr/lib/here "
                                      f"{here}/system/usr/bin/valkey-server --port a b\n")

    def test_where_valkey_is_there_apt_is_not_asked(self):
        self.run_it("http://new bookworm\n")
        self.assertEqual(self.run_it("http://new bookworm\n"), (0, "", "", ""))
        shutil.rmtree(os.path.join(self.folder, "clone/build"))
        self.program("bin/valkey-server", "")
        self.assertEqual((self.run_it("http://new bookworm\n"), self.left()), ((0, "", "", ""), []))

    def test_what_is_missing_is_one_line(self):
        for mirrors, line in (("", "this machine has no Debian mirror in /etc/apt"),
                              ("http://new noble\n", "this machine has no Debian mirror in /etc/apt"),
                              ("http://old bookworm\n", "no Debian mirror in /etc/apt has trixie, or none can be reached;"
                                                        " see build/valkey.log")):
            status, _, err, _ = self.run_it(mirrors)
            self.assertEqual((status, err), (1, f"setup: no Valkey: {line}\n"), mirrors)
        self.assertEqual(self.left(), ["valkey.log"])
        self.program("bin/dpkg-deb", "exit 2")
        status, _, err, _ = self.run_it("http://new bookworm\n")
        self.assertEqual((status, err), (1, "setup: no Valkey: its packages could not be fetched; see build/valkey.log\n"))
        self.assertEqual(self.left(), ["valkey.log"])


if __name__ == "__main__":
    unittest.main()
