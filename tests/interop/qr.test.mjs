// The QR codes of the home page, read by npm jsqr.
import assert from "node:assert/strict";
import { test } from "node:test";

import jsqr from "jsqr";

import { webModule } from "./home_samples.mjs";

const { encode } = await webModule("front/qr.js");

// Four pixels for each module, and the quiet zone.
function read(rows) {
  const side = (rows.length + 8) * 4;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      if (rows[Math.floor(y / 4) - 4]?.[Math.floor(x / 4) - 4]) pixels.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  return jsqr(pixels, side, side);
}

test("codes of every length are read, in the smallest version", () => {
  // The capacities of level M in bytes (ISO/IEC 18004, table 7).
  const capacities = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213];
  capacities.forEach((capacity, i) => {
    for (const length of [(capacities[i - 1] ?? -1) + 1, capacity]) {
      const text = "http://192.0.2.7:8080/".repeat(10).slice(0, length);
      const rows = encode(text);
      assert.equal(rows.length, 17 + 4 * (i + 1), `version for ${length} bytes`);
      if (length === 0) continue;  // The reader takes an empty text for none.
      const found = read(rows);
      assert.equal(found?.data, text, `${length} bytes`);
      assert.equal(found.version, i + 1);
    }
  });
  assert.throws(() => encode("x".repeat(214)), RangeError);
});

test("a damaged code is still read, and text is UTF-8", () => {
  const text = "http://[2001:db8::1]:8443/聊天";
  const rows = encode(text);
  for (let x = 10; x < 14; x += 1) rows[rows.length - 3][x] = !rows[rows.length - 3][x];
  assert.equal(read(rows)?.data, text);
});

test("codes with different masks are read", () => {
  const seen = new Set();
  for (let i = 0; i < 60; i += 1) {
    const rows = encode(`http://h${i}/`);
    assert.equal(read(rows)?.data, `http://h${i}/`);
    // Bits 12 to 10 of the format, in its first copy, under the mask 101 of section 7.9.
    seen.add([2, 3, 4].reduce((bits, x) => (bits << 1) | (rows[8][x] ? 1 : 0), 0) ^ 0b101);
  }
  assert.ok(seen.size >= 4, `${seen.size} masks`);
});
