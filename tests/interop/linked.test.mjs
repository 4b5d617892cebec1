// A program links only the features that it uses. Checked by the symbols of the examples, which
// link the static library as applications do.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const build = process.env.STARLING_BUILD ?? fileURLToPath(new URL("../../build/release", import.meta.url));

function symbols(program) {
  return execFileSync("nm", ["-C", path.join(build, "examples", program)], { encoding: "utf8", maxBuffer: 1 << 28 });
}

const features = {
  "Socket.IO": /starling::(socketio|sio)::/,
  "Engine.IO": /starling::engineio::|EngineSession/,
  "server events": /starling::events::|starling::server::Events/,
  "static files": /starling::server::(Files|StaticFiles)/,
  "a cluster": /starling::(redis|cluster)::|starling::server::(RedisNodes|ClusterPart|PeersPart)/,
  "requests to applications": /starling::fetch::|curl_easy_/,
  "regular expressions": /std::__cxx11::(basic_)?regex|std::__detail::_NFA/,
};

test("an echo server links no feature that it does not use", () => {
  const text = symbols("echo");
  assert.match(text, /starling::server::Worker::/);  // The program has symbols to check.
  for (const [name, pattern] of Object.entries(features)) assert.doesNotMatch(text, pattern, name);
});

test("a Socket.IO server links Socket.IO, and no server events", () => {
  const text = symbols("socketio_chat");
  assert.match(text, features["Socket.IO"]);
  assert.match(text, features["Engine.IO"]);
  assert.doesNotMatch(text, features["server events"]);
  assert.doesNotMatch(text, features["a cluster"]);
});
