// The completions in real shells, and the manual page under groff and mandoc.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { before, describe, test } from "node:test";
import { promisify } from "node:util";

import { run, temporaryFolder } from "./server.mjs";

const execute = promisify(execFile);
const folder = temporaryFolder();
const script = (shell) => path.join(folder, `completions.${shell}`);
const commands = ["serve", "gateway", "check-config", "token", "publish", "admin", "drain", "bench", "connect", "cluster-demo", "completions", "manual", "config-schema"];

// [what is typed, the candidates for its last word]
const cases = [
  ["starling ", [...commands, "--help", "--version"]],
  ["starling publ", ["publish"]],
  ["starling check-c", ["check-config"]],
  ["starling serve --log-l", ["--log-level"]],
  ["starling serve --log-", ["--log-level", "--log-format"]],
  ["starling serve --log-level ", ["debug", "info", "warn", "error", "off"]],
  ["starling serve --log-level wa", ["warn"]],
  ["starling serve --log-level=wa", ["warn"]],
  ["starling serve --demo --log-level=wa", ["warn"]],
  ["starling serve --listen :1 --listen :2 --log-format t", ["text"]],
  ["starling serve --config notes/serv", ["notes/server.yaml"]],
  ["starling serve --config=notes/serv", ["notes/server.yaml"]],
  ["starling serve --root not", ["notes/"]],
  ["starling serve --workers ", []],
  ["starling gateway --olares=s", ["strict"]],
  ["starling gateway --olares --admis", ["--admission"]],
  ["starling check-config notes/serv", ["notes/server.yaml"]],
  ["starling token --algorithm RS", ["RS256"]],
  ["starling token --key notes/k", ["notes/key.pem"]],
  ["starling publish --ins", ["--insecure"]],
  ["starling publish --key ", []],
  ["starling completions z", ["zsh"]],
  // A value that is also the name of a command.
  ["starling publish --url serve --ti", ["--timeout-s"]],
];

before(async () => {
  mkdirSync(path.join(folder, "notes"));
  for (const name of ["server.yaml", "key.pem"]) writeFileSync(path.join(folder, "notes", name), "");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await run(["completions", shell]);
    assert.equal(code, 0);
    writeFileSync(script(shell), stdout);
  }
});

test("bash", async () => {
  const complete = `source "$1"; COMP_WORDS=("\${@:3}"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); COMP_LINE=$2
    _starling 2>&1; printf '%s\\n' "\${COMPREPLY[@]}"`;
  for (const [typed, candidates] of cases) {
    // Readline makes "=" a word of its own, and "" the last word after a blank.
    const words = typed.split(" ").flatMap((word) => word.split(/(=)/));
    const { stdout } = await execute("bash", ["--norc", "-c", complete, "bash", script("bash"), typed, ...words],
      { cwd: folder });
    // A folder gets its slash from readline.
    assert.deepEqual(stdout.trim().split("\n").filter(Boolean), candidates.map((text) => text.replace(/\/$/, "")),
      typed);
  }
});

test("bash completes on a terminal", async () => {
  // The line is typed with a tab at its end, and the shell runs what was completed.
  const input = `source ${script("bash")}\nstarling() { echo "<$*>"; }\nstarling tok\t--algo\tES\t\nexit\n`;
  const { stdout } = await new Promise((resolve, reject) => {
    const child = execFile("bash", ["--norc", "--noprofile", "-i"], { cwd: folder, timeout: 60_000,
      env: { ...process.env, TERM: "dumb", INPUTRC: "/dev/null" } },
    (error, out, err) => (error ? reject(error) : resolve({ stdout: out + err })));
    child.stdin.end(input);
  });
  assert.match(stdout, /<token --algorithm ES256 ?>/);
});

test("fish", async () => {
  for (const [typed, candidates] of cases) {
    const { stdout } = await execute("fish", ["--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
      script("fish"), typed], { cwd: folder, env: { ...process.env, HOME: folder } });
    const found = stdout.split("\n").filter(Boolean).map((line) => line.split("\t")[0]);
    // fish offers the whole word: --log-level=warn. It offers options after a dash alone.
    const wanted = candidates.filter((text) => /-$|-\w/.test(typed.split(" ").at(-1)) || !text.startsWith("--"));
    assert.deepEqual(found.map((text) => text.replace(/^--[\w-]+=(?=.)/, "")).sort(), wanted.sort(), typed);
  }
});

// Types each line into an interactive zsh and prints the line that a tab makes of it.
const zsh = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "cd \${(q)2}; PS1=; PS2=; setopt no_beep; autoload -Uz compinit; compinit -u -D; source \${(q)1}
show() { zle complete-word; print -r -- \\"<<\\$BUFFER>>\\"; zle kill-buffer; }; zle -N show; bindkey '^I' show
print REA''DY"
zpty -r z out '*READY*' || exit 1
for line in "\${@[3,-1]}"; do
  zpty -w -n z "$line"$'\\t'
  zpty -r z out '*<<*>>*' || exit 1
  print -r -- "\${\${out##*<<}%%>>*}"
done
zpty -d z
`;

test("zsh", async () => {
  const unique = cases.filter(([, candidates]) => candidates.length === 1);
  const { stdout } = await execute("zsh", ["-f", "-c", zsh, "zsh", script("zsh"), folder,
    ...unique.map(([typed]) => typed)], { cwd: folder, timeout: 60_000, env: { ...process.env, TERM: "dumb" } });
  const lines = stdout.trimEnd().split("\n").map((line) => line.trimEnd());
  // zsh writes "=" behind an option that takes a value.
  assert.deepEqual(lines.map((line) => line.replace(/=$/, "")),
    unique.map(([typed, [candidate]]) => typed.replace(/[^ =]*$/, candidate)));
});

describe("the manual page", () => {
  const page = path.join(folder, "starling.1");
  before(async () => {
    const { code, stdout } = await run(["manual"]);
    assert.equal(code, 0);
    writeFileSync(page, stdout);
  });

  for (const [name, command] of [["groff", ["groff", "-ww", "-man", "-Tutf8", page]],
    ["mandoc", ["mandoc", "-Tlint", page]], ["man", ["man", "--warnings", "-l", page]]]) {
    test(`${name} has no warning`, async () => {
      const { stdout, stderr } = await execute(command[0], command.slice(1),
        { env: { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "80", PAGER: "cat" } });
      assert.equal(name === "mandoc" ? stdout + stderr : stderr, "");
      // On a terminal, a letter over itself is bold.
      if (name !== "mandoc") assert.match(stdout.replace(/.\x08/g, ""), /starling publish \[OPTIONS\] CHANNEL EVENT \[DATA\]/);
    });
  }

  test("that of the configuration has no warning", async () => {
    const { code, stdout } = await run(["manual", "starling.yaml"]);
    assert.equal(code, 0);
    const keys = path.join(folder, "starling.yaml.5");
    writeFileSync(keys, stdout);
    for (const command of [["groff", "-ww", "-man", "-Tutf8", keys], ["mandoc", "-Tlint", keys]]) {
      const { stdout: said, stderr } = await execute(command[0], command.slice(1), { env: { ...process.env, LC_ALL: "C.UTF-8" } });
      assert.equal(command[0] === "mandoc" ? said + stderr : stderr, "");
    }
  });

  test("has each option that --help has", async () => {
    const text = execFileSync("man", ["-l", page],
      { encoding: "utf8", env: { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "200", PAGER: "cat" } });
    for (const command of commands) {
      const { stdout } = await run([command, "--help"]);
      const section = text.slice(text.indexOf(`   starling ${command}\n`)).split(/\n {3}starling |\nENVIRONMENT/)[0];
      const options = [...stdout.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, option]) => option);
      for (const option of options.filter((one) => one !== "--help")) {
        // check-config takes its FILE as --config too.
        if (command === "check-config") continue;
        assert.match(section, new RegExp(`^ +${option}\\b`, "m"), `${command} ${option}`);
      }
    }
  });
});
