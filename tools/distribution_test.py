"""Tests of packaging/check-distribution: its arguments, and what becomes of a step that fails. Stand-ins replace
apt, debootstrap and what runs in the system of another release; a real run takes long, and root. Also of what the
build does with the compiler of another release."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STEPS = ["names", "system", "install", "build", "start", "packages", "life", "tests"]
# The file `said` gets a line for each command in a system, and the file `fails` has a part of the one that fails.
STAND_INS = {
    "apt-get": 'echo "apt-get $*"\n[[ $* != *pushpin* ]] || { echo "E: Unable to locate package pushpin"; exit 100; }',
    "apt-cache": "exit",
    "dpkg-query": "exit 1",
    "gpg": "echo key",
    "dpkg-deb": 'mkdir -p "$3"',
    "curl": 'while [[ $1 != -o ]]; do shift; done; : >"$2"',
    "id": '[[ $1 == -u ]] && echo "${ID:-0}" || echo root',
    "debootstrap": "exit",
    "unshare": 'all=$*; echo "$all" >>"$STATE/said"\n'
               'if [[ $2 == debootstrap ]]; then\n'
               '    for at in "$@"; do [[ $at != */builder ]] || root=$at; done\n'
               '    mkdir -p "$root"/{etc/apt/sources.list.d,etc/dpkg/dpkg.cfg.d,usr/sbin}\n'
               'fi\n'
               '[[ $all != *"$(cat "$STATE/fails")"* ]] || { echo "it broke"; exit 7; }\n'
               '[[ $all != *"./dev package"* ]] || mkdir -p "$(ls -d "$TMPDIR"/*/builder/starling)/build/packages"\n',
}


class CheckDistribution(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        clone = self.path("clone")
        for name in ("packaging/check-distribution", "packaging/debian/in_root", "setup/install", "setup/steps.sh",
                     "setup/packages.txt"):
            os.makedirs(os.path.dirname(os.path.join(clone, name)), exist_ok=True)
            shutil.copy(os.path.join(ROOT, name), os.path.join(clone, name))
        git = ["git", "-C", clone, "-c", "user.name=a", "-c", "user.email=a@localhost"]
        for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "all"]):
            subprocess.run([*git, *command], check=True)
        os.makedirs(self.path("bin"))
        os.makedirs(self.path("tmp"))
        for name, text in STAND_INS.items():
            self.write(f"bin/{name}", f"#!/bin/bash\n{text}\n")
            os.chmod(self.path("bin", name), 0o755)

    def path(self, *names: str) -> str:
        return os.path.join(self.folder, *names)

    def write(self, name: str, text: str) -> None:
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name: str) -> str:
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def run_it(self, *arguments: str, fails: str = "nothing fails", user: str = "0") -> subprocess.CompletedProcess:
        self.write("fails", fails)
        self.write("said", "")
        env = {**os.environ, "STATE": self.folder, "TMPDIR": self.path("tmp"), "ID": user,
               "PATH": self.path("bin") + ":" + os.environ["PATH"]}
        return subprocess.run([self.path("clone/packaging/check-distribution"), *arguments], env=env, text=True,
                              capture_output=True, check=False)

    def steps(self, output: str) -> list[str]:
        return re.findall(r"^noble: (\w+): \d+ s$", output, re.MULTILINE)

    def test_wrong_arguments(self):
        for arguments, user, status, said in (
                ([], "0", 2, "packaging/check-distribution [OPTION...] RELEASE"),
                (["potato"], "0", 2, "unknown release 'potato'"),
                (["trixie", "noble"], "0", 2, "one release at a time: trixie or noble"),
                (["--nmaes", "noble"], "0", 2, "unknown option: --nmaes"),
                (["noble", "--cache"], "0", 2, "--cache needs a folder"),
                (["noble"], "1000", 1, "it needs root")):
            got = self.run_it(*arguments, user=user)
            self.assertEqual((got.returncode, got.stdout), (status, ""), arguments)
            self.assertIn(said, got.stderr)

    def test_all_steps(self):
        got = self.run_it("noble")
        self.assertEqual((got.returncode, self.steps(got.stdout)), (0, STEPS), got.stdout + got.stderr)
        self.assertRegex(got.stdout, r"noble: all steps succeed for [0-9a-f]{7,}\n$")
        self.assertIn("E: Unable to locate package pushpin\nnoble: ./dev bench goes on without these\n", got.stdout)
        self.assertEqual(os.listdir(self.path("tmp")), [])
        self.assertIn("-DSTARLING_TESTS=ON", self.read("said"))
        self.assertIn("-DSTARLING_WERROR=ON", self.read("said"))

    def test_options(self):
        got = self.run_it("--no-tests", "--keep", "--cache", self.path("cache"), "noble")
        self.assertEqual((got.returncode, self.steps(got.stdout)), (0, [s for s in STEPS if s != "tests"]), got.stderr)
        self.assertNotIn("-DSTARLING_TESTS", self.read("said"))
        kept = re.search(r"^kept: (.+)$", got.stdout, re.MULTILINE)[1]
        sources = self.read(os.path.join(kept, "builder/etc/apt/sources.list"))
        self.assertIn("deb  http://archive.ubuntu.com/ubuntu noble-security main universe\n", sources)
        self.assertTrue(os.path.exists(os.path.join(kept, "user/debian/in_root")))
        self.assertEqual(sorted(os.listdir(self.path("cache"))), ["ccache", "debs", "packages"])

    def test_names_need_no_root(self):
        got = self.run_it("--names", "noble", user="1000")
        self.assertEqual((got.returncode, self.steps(got.stdout), self.read("said")), (0, ["names"], ""), got.stderr)

    def test_a_step_that_fails_is_the_last_one(self):
        for step, part in (("system", "debootstrap"), ("install", "setup/clients"), ("build", "--preset release"),
                           ("start", "./start"), ("packages", "./dev package"), ("life", "/debian/life"),
                           ("tests", "starling_tests")):
            got = self.run_it("noble", fails=part)
            self.assertEqual((got.returncode, self.steps(got.stdout)), (1, STEPS[:STEPS.index(step)]), step)
            self.assertIn("it broke\n", got.stderr)
            self.assertRegex(got.stderr, rf"noble: the step '{step}' failed; its log: \S+/{step}\.log\n$")
            self.assertEqual(os.listdir(self.path("tmp")), [])


class Warnings(unittest.TestCase):
    def test_they_are_errors_with_the_compilers_of_every_commit(self):
        with tempfile.NamedTemporaryFile("w", suffix=".cmake") as script:
            script.write(f'include({ROOT}/cmake/warnings.cmake)\nmessage("${{STARLING_WERROR}}")\n')
            script.flush()
            for compiler, version, whole, wanted in (
                    ("GNU", "12.2.0", "ON", "ON"), ("Clang", "14.0.6", "ON", "ON"), ("GNU", "12.2.0", "OFF", "OFF"),
                    ("GNU", "14.2.0", "ON", "OFF"), ("Clang", "12.0.1", "ON", "OFF"), ("GNU", "120.1", "ON", "OFF")):
                got = subprocess.run(["cmake", f"-DCMAKE_CXX_COMPILER_ID={compiler}", f"-DPROJECT_IS_TOP_LEVEL={whole}",
                                      f"-DCMAKE_CXX_COMPILER_VERSION={version}", "-P", script.name], text=True,
                                     capture_output=True, check=True)
                self.assertEqual(got.stderr.strip(), wanted, (compiler, version, whole))


if __name__ == "__main__":
    unittest.main()
