// `starling token`: Python's PyJWT and the openssl command verify its tokens, and a server of the
// program lets their user in.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { before, describe, test } from "node:test";

import { open, refusal } from "./client.mjs";
import { run, serve, temporaryFolder } from "./server.mjs";

const folder = temporaryFolder();
const file = (name) => path.join(folder, name);
const openssl = (...args) => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "ignore"] });

// {algorithm: {sign, verify}}: files with the key that signs, and with the key that verifies.
const keys = {};
function makeKeys() {
  writeFileSync(file("secret"), `${randomBytes(32).toString("hex")}\n`);
  openssl("genrsa", "-out", file("rsa.pem"), "2048");
  // With a block EC PARAMETERS before the key, and the key in its older form.
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", file("ec.pem"));
  for (const name of ["rsa", "ec"]) {
    openssl("pkey", "-in", file(`${name}.pem`), "-pubout", "-out", file(`${name}.pub`));
  }
  keys.HS256 = { sign: file("secret"), verify: file("secret") };
  keys.RS256 = { sign: file("rsa.pem"), verify: file("rsa.pub") };
  keys.ES256 = { sign: file("ec.pem"), verify: file("ec.pub") };
}

async function token(args, options) {
  const { code, stdout, stderr } = await run(["token", ...args], options);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  return stdout.trimEnd();
}

const verify = `
import json, jwt, sys
token, algorithm, path = sys.argv[1:]
key = open(path).read().rstrip()
print(json.dumps([jwt.get_unverified_header(token),
                  jwt.decode(token, key, algorithms=[algorithm], audience="chat", issuer="me")]))
`;

describe("starling token", () => {
  before(makeKeys);
  for (const algorithm of ["HS256", "RS256", "ES256"]) {
    describe(algorithm, () => {
      test("PyJWT verifies it", async () => {
        for (const named of [[], ["--algorithm", algorithm]]) {
          const text = await token(["--key", keys[algorithm].sign, ...named, "--subject", "ada", "--expires", "15m",
            "--audience", "chat", "--issuer", "me", "--key-id", "k1", "--claim", "admin=true", "--claim", 'name="Ädä"']);
          const printed = execFileSync("/usr/bin/python3", ["-c", verify, text, algorithm, keys[algorithm].verify]);
          const [header, { iat, exp, ...claims }] = JSON.parse(printed);
          assert.deepEqual(header, { alg: algorithm, typ: "JWT", kid: "k1" });
          assert.deepEqual(claims, { sub: "ada", aud: "chat", iss: "me", admin: true, name: "Ädä" });
          assert.equal(exp - iat, 900);
          assert.ok(Math.abs(Date.now() / 1000 - iat) < 60);
        }
      });

      test("a server with the public half lets the user in", async () => {
        const server = await serve({
          events: { enabled: true, channels: [{ pattern: "Mail{user}", access: "owner" }] },
          auth: { keys: [{ algorithm, path: keys[algorithm].verify }] },
        });
        const text = await token(["--key", keys[algorithm].sign, "--subject", "ada"]);
        const client = await open(server.url(`/ws/ServerEvent?Ref=Mailada&token=${text}`));
        await client.close();
        assert.equal((await refusal(server.url(`/ws/ServerEvent?Ref=Mailben&token=${text}`))).status, 403);
        assert.equal((await refusal(server.url("/ws/ServerEvent?Ref=Mailada"))).status, 401);
        await server.stop();
      });
    });
  }

  test("openssl alone verifies RS256", async () => {
    const [head, claims, signature] = (await token(["--key", keys.RS256.sign, "--subject", "ada"])).split(".");
    writeFileSync(file("signature"), Buffer.from(signature, "base64url"));
    writeFileSync(file("signed"), `${head}.${claims}`);
    const said = openssl("dgst", "-sha256", "-verify", keys.RS256.verify, "-signature", file("signature"),
      file("signed"));
    assert.equal(String(said), "Verified OK\n");
  });

  test("the key may come from standard input", async () => {
    const input = readFileSync(keys.ES256.sign);
    await token(["--key", "-", "--subject", "ada"], { input });
  });

  // [name, arguments, what the only line on standard error says]
  const refusals = [
    ["an encrypted key", () => {
      openssl("pkey", "-in", keys.RS256.sign, "-aes256", "-passout", "pass:x", "-out", file("encrypted.pem"));
      return file("encrypted.pem");
    }, /--key: is encrypted; `openssl pkey -in FILE` decrypts it/],
    ["a public key", () => keys.RS256.verify, /--key: is a public key, which verifies tokens/],
    ["a short secret", () => { writeFileSync(file("short"), "hunter2\n"); return file("short"); },
      /--key: an HS256 secret has 32 bytes at least/],
    ["an Ed25519 key", () => {
      openssl("genpkey", "-algorithm", "ed25519", "-out", file("ed.pem"));
      return file("ed.pem");
    }, /--key: is neither an RSA key \(RS256\) nor a key on P-256 \(ES256\)/],
    ["a file that is not there", () => file("none"), /--key: cannot read '.*none': No such file or directory/],
    ["a device without an end", () => "/dev/zero", /--key: is longer than 64 KiB/],
  ];
  for (const [name, make, wanted] of refusals) {
    test(`${name}: exit 2 and one line`, async () => {
      const { code, stdout, stderr } = await run(["token", "--key", make(), "--subject", "ada"]);
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, /^starling token: [^\n]*\n$/);
      assert.match(stderr, wanted);
    });
  }

  test("standard output that is full: exit 1", async () => {
    const { code, stderr } = await run(["token", "--key", keys.HS256.sign, "--subject", "ada"],
      { prefix: ["bash", "-c", 'exec "$@" >/dev/full', "bash"] });
    assert.equal(code, 1);
    assert.equal(stderr, "starling: standard output cannot be written\n");
  });
});
