// `starling connect` on a pseudo-terminal: the line that is typed, its history, and what the screen shows.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, describe, test } from "node:test";

import { Screen, Terminal, connect, wsServer } from "./connect.mjs";
import { temporaryFolder, until } from "./server.mjs";

const echo = (socket) => socket.on("message", (data, binary) => socket.send(data, { binary }));
const closing = new Set();
after(() => { for (const one of closing) one.close(); });

async function server(on) {
  const one = await wsServer(on);
  closing.add(one);
  return one;
}

// A program that has its prompt.
async function start(args, options = {}) {
  const program = new Terminal(args, { env: { XDG_STATE_HOME: temporaryFolder(), ...options.env } });
  await program.until(/^>$/m);
  return program;
}

async function leave(program, code = 0) {
  program.write("\x04");
  assert.equal(await program.exited, code);
  assert.deepEqual(program.screen.unknown, []);
}

describe("the screen of the test", () => {
  test("follows the sequences", () => {
    const screen = new Screen(5);
    screen.feed("abcdefg\rX\x1b[A\r\x1b[CY\x1b[Jz");
    assert.equal(screen.text, "aYz");
    screen.feed("\r\n12\x1b");
    screen.feed("[1mé\x1b[0m");
    assert.equal(screen.text, "aYz\n12é");
  });
});

describe("typed lines", () => {
  test("are sent, and shown with time and direction", async () => {
    const one = await server(echo);
    const program = await start([one.url]);
    program.write("h\u00e9llo\r");
    await program.until(/< h\u00e9llo\n>/);
    assert.equal(program.shown, `TIME * connected to ${one.url}/\nTIME > h\u00e9llo\nTIME < h\u00e9llo\n>`);
    await leave(program);
    assert.equal(program.shown,
      `TIME * connected to ${one.url}/\nTIME > h\u00e9llo\nTIME < h\u00e9llo\nTIME * closed: 1000, normal closure`);
  });

  test("survive what arrives meanwhile", async () => {
    const one = await server();
    const program = await start([one.url]);
    // One row, then more than one row of the terminal.
    for (const typed of ["half a line", "x".repeat(200)]) {
      program.write(typed);
      await until(() => program.shown.replaceAll("\n", "").includes(typed), "the line on the screen");
      one.sockets[0].send("first");
      one.sockets[0].send("second");
      await program.until("< second\n>");
      const shown = program.shown.split("\n");
      const at = shown.lastIndexOf("TIME < second");
      assert.equal(shown[at - 1], "TIME < first");
      assert.equal(shown.slice(at + 1).join(""), `> ${typed}`);
      const sent = new Promise((resolve) => { one.sockets[0].once("message", (data) => resolve(data.toString())); });
      program.write("!\r");
      assert.equal(await sent, `${typed}!`);
    }
    await program.until(/x!\n>$/);
    await leave(program);
    // Nothing of the half lines is left.
    assert.equal(program.shown.match(/half a line/g).length, 1);
  });

  test("are edited in the middle, also with wide characters", async () => {
    const one = await server(echo);
    const program = await start([one.url]);
    program.write("abd\x1b[D");  // Left.
    program.write("c\r");
    await program.until("< abcd\n>");
    program.write("\u4e16\u754c\x7f!\r");  // Backspace.
    await program.until("< \u4e16!");
    await leave(program);
  });

  test("commands", async () => {
    const one = await server(echo);
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, "b"), Buffer.from([0, 1, 2]));
    const program = await start([one.url]);
    for (const [typed, wanted] of [
      ["/ping hi", /\* sent ping hi\nTIME \* pong hi\n>$/],
      ["/ping", /\* sent ping\nTIME \* pong, round trip \d+ ms\n>$/],
      [`/binary ${folder}/b`, /> 3 bytes: 00 01 02\nTIME < 3 bytes: 00 01 02\n>$/],
      ["/binary /nowhere", /\* cannot read '\/nowhere': No such file or directory\n>$/],
      ["//ping", /> \/ping\nTIME < \/ping\n>$/],
      ["/quit", /\* no command \/quit; \/help lists them, \/\/quit sends a text\n>$/],
      ["/close 77", /\* \/close: the code must be 1000 or 3000 to 4999\n>$/],
      ["/help", /\/close \[CODE \[REASON\]\]: .*\n.*Ctrl-D.*\n>$/],
    ]) {
      program.write(`${typed}\r`);
      await program.until(wanted);
    }
    const closed = new Promise((resolve) => { one.sockets[0].on("close", (code, reason) => resolve([code, `${reason}`])); });
    program.write("/close 3001 that is all\r");
    assert.deepEqual(await closed, [3001, "that is all"]);
    assert.equal(await program.exited, 0);
    await program.until("* closed: 3001, registered by a library: that is all");
  });

  test("Ctrl-C ends in order, and the end of the terminal too", async () => {
    const codes = [];
    const one = await server((socket) => socket.on("close", (code) => codes.push(code)));
    const program = await start([one.url]);
    program.write("typed\x03");
    assert.equal(await program.exited, 130);
    await program.until(/\* closed: 1000, normal closure$/);
    const hung = await start([one.url]);
    hung.end();
    assert.notEqual(await hung.exited, 0);
    await until(() => codes.length === 2, "both closes");
    assert.deepEqual(codes, [1000, 1000]);
  });

  test("a terminal that changes its size", async () => {
    const one = await server();
    const program = await start([one.url]);
    program.resize(40);
    program.write("y".repeat(50));
    await until(() => program.shown.replaceAll("\n", "").includes("y".repeat(50)), "the line on the screen");
    one.sockets[0].send("news");
    await program.until("< news\n>");
    assert.ok(program.shown.replaceAll("\n", "").endsWith(`< news> ${"y".repeat(50)}`), program.shown);
    program.write("\x15");  // Ctrl-U: an empty line.
    await program.until(/< news\n>$/);
    await leave(program);
  });
});

describe("what a server cannot do to a terminal", () => {
  test("sequences and line breaks are shown, not obeyed", async () => {
    const one = await server((socket) => {
      socket.send("\x1b[2J\x1b]0;title\x07a\nTIME * connected\r\u009b31m\u202eabc");
      socket.close(1000, "\x1b[31mred");
    });
    const program = new Terminal([one.url]);
    assert.equal(await program.exited, 0);
    assert.deepEqual(program.shown.split("\n").slice(1), [
      "TIME < \\x1b[2J\\x1b]0;title\\x07a\\nTIME * connected\\r\\u{9b}31m\\u{202e}abc",
      "TIME * closed: 1000, normal closure: \\x1b[31mred",
    ]);
  });

  test("long messages are cut, unless --full asks for all", async () => {
    const one = await server((socket) => {
      socket.send("z".repeat(5000));
      socket.send(Buffer.alloc(40));
      socket.close(1000);
    });
    const cut = new Terminal([one.url]);
    assert.equal(await cut.exited, 0);
    const shown = cut.text.replaceAll("\r\n", "\n");
    assert.ok(shown.includes(`${"z".repeat(2000)}... (5000 bytes; --full shows all)\n`));
    assert.ok(shown.includes(`40 bytes:${" 00".repeat(32)} ...\n`));
    const full = new Terminal([one.url, "--full"]);
    assert.equal(await full.exited, 0);
    assert.ok(full.text.includes("z".repeat(5000)));
    assert.ok(full.text.includes(`40 bytes:${" 00".repeat(40)}\r\n`));
  });
});

describe("colours", () => {
  const colored = /\x1b\[32m<\x1b\[0m/;
  for (const [args, env, wanted] of [
    [[], {}, true],
    [["--color", "auto"], {}, true],
    [["--color", "never"], {}, false],
    [[], { NO_COLOR: "1" }, false],
    [[], { NO_COLOR: "" }, true],
    [["--color", "always"], { NO_COLOR: "1" }, true],
  ]) {
    test(`${args.join(" ")} ${JSON.stringify(env)}`, async () => {
      const one = await server((socket) => {
        socket.send("a");
        socket.close(1000);
      });
      const program = new Terminal([one.url, ...args], { env });
      assert.equal(await program.exited, 0);
      assert.equal(colored.test(program.text), wanted);
    });
  }

  test("none on a pipe, but with --color always", async () => {
    const one = await server((socket) => {
      socket.send("a");
      socket.close(1000);
    });
    assert.equal((await connect([one.url])).out, "a\n");
    assert.match((await connect([one.url, "--color", "always"])).out, colored);
  });
});

describe("the history", () => {
  test("is kept from run to run, for its user alone", async () => {
    const one = await server(echo);
    const state = temporaryFolder();
    const file = path.join(state, "starling/history");
    const env = { XDG_STATE_HOME: state };
    const first = await start([one.url], { env });
    for (const line of ["older", "newer", " secret"]) {
      first.write(`${line}\r`);
      await first.until(`< ${line}\n>`);
    }
    await leave(first);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(file, "utf8"), /secret/);

    const second = await start([one.url], { env });
    second.write("\x1b[A\x1b[A\r");  // Up, up.
    await second.until("< older\n>");
    await leave(second);
  });

  test("a file that others could read is closed to them", async () => {
    const one = await server(echo);
    const state = temporaryFolder();
    mkdirSync(path.join(state, "starling"));
    writeFileSync(path.join(state, "starling/history"), "_HiStOrY_V2_\nbefore\n", { mode: 0o644 });
    const program = await start([one.url], { env: { XDG_STATE_HOME: state } });
    program.write("\x1b[A\r");
    await program.until("< before\n>");
    await leave(program);
    assert.equal(statSync(path.join(state, "starling/history")).mode & 0o777, 0o600);
  });

  test("--no-history, and input that is no terminal", async () => {
    const one = await server(echo);
    const state = temporaryFolder();
    const env = { XDG_STATE_HOME: state };
    const program = await start([one.url, "--no-history"], { env });
    program.write("typed\r");
    await program.until("< typed\n>");
    await leave(program);
    await connect([one.url, "--exit-after", "1"], { input: "piped\n", env });
    assert.equal(existsSync(path.join(state, "starling")), false);
  });
});
