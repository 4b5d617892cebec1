// QR codes (ISO/IEC 18004) for short texts, such as the address of a page: bytes, error correction
// level M, versions 1 to 10, which hold 213 bytes. encode() is a pure function.

const text_bytes_max = 213;

// For each version: all codewords, those of error correction in a block, and the number of blocks.
const versions = [
  null,
  { total: 26, correction: 10, blocks: 1 }, { total: 44, correction: 16, blocks: 1 },
  { total: 70, correction: 26, blocks: 1 }, { total: 100, correction: 18, blocks: 2 },
  { total: 134, correction: 24, blocks: 2 }, { total: 172, correction: 16, blocks: 4 },
  { total: 196, correction: 18, blocks: 4 }, { total: 242, correction: 22, blocks: 4 },
  { total: 292, correction: 22, blocks: 5 }, { total: 346, correction: 26, blocks: 5 },
];
// Centres of the alignment patterns, section 7.3.5 and annex E.
const alignment = [null, [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42],
  [6, 26, 46], [6, 28, 50]];

const dataCodewords = ({ total, correction, blocks }) => total - correction * blocks;
const lengthBits = (version) => (version < 10 ? 8 : 16);

// Multiplication in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1.
function multiply(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    if ((b >> bit) & 1) product ^= a;
  }
  return product;
}

// The coefficients of (x - 1)(x - 2)(x - 4)..., without the leading one.
function generator(degree) {
  const result = new Array(degree).fill(0);
  result[degree - 1] = 1;
  let root = 1;
  for (let i = 0; i < degree; i += 1) {
    for (let j = 0; j < degree; j += 1) {
      result[j] = multiply(result[j], root) ^ (result[j + 1] ?? 0);
    }
    root = multiply(root, 2);
  }
  return result;
}

function remainder(data, divisor) {
  const result = divisor.map(() => 0);
  for (const byte of data) {
    const factor = byte ^ result.shift();
    result.push(0);
    divisor.forEach((coefficient, i) => { result[i] ^= multiply(coefficient, factor); });
  }
  return result;
}

// Section 7.4: the mode, the length, the bytes, the terminator, and padding up to the capacity.
function pack(bytes, version) {
  const bits = [];
  const put = (value, count) => {
    for (let i = count - 1; i >= 0; i -= 1) bits.push((value >> i) & 1);
  };
  put(0b0100, 4);
  put(bytes.length, lengthBits(version));
  for (const byte of bytes) put(byte, 8);
  const capacity = dataCodewords(versions[version]) * 8;
  put(0, Math.min(4, capacity - bits.length));
  while (bits.length % 8 !== 0) bits.push(0);
  for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) put(pad, 8);
  return Array.from({ length: capacity / 8 }, (_, i) =>
    bits.slice(i * 8, i * 8 + 8).reduce((byte, bit) => (byte << 1) | bit, 0));
}

// Section 7.6: blocks with their error correction, interleaved. The last blocks may be one longer.
function interleave(data, { total, correction, blocks }) {
  const short = Math.floor(total / blocks) - correction;
  const longer = total % blocks;
  const divisor = generator(correction);
  const parts = [];
  for (let i = 0, at = 0; i < blocks; i += 1) {
    const size = short + (i >= blocks - longer ? 1 : 0);
    const part = data.slice(at, at + size);
    parts.push({ part, check: remainder(part, divisor) });
    at += size;
  }
  const out = [];
  for (let i = 0; i <= short; i += 1) {
    for (const { part } of parts) if (i < part.length) out.push(part[i]);
  }
  for (let i = 0; i < correction; i += 1) for (const { check } of parts) out.push(check[i]);
  return out;
}

// A code under construction. `fixed` marks the modules of patterns, which no mask changes.
class Grid {
  constructor(version) {
    this.version = version;
    this.size = version * 4 + 17;
    this.dark = Array.from({ length: this.size }, () => new Array(this.size).fill(false));
    this.fixed = this.dark.map((row) => [...row]);
  }

  set(x, y, dark) {
    if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
    this.dark[y][x] = dark;
    this.fixed[y][x] = true;
  }

  patterns() {
    const last = this.size - 1;
    for (let i = 0; i < this.size; i += 1) {
      this.set(6, i, i % 2 === 0);
      this.set(i, 6, i % 2 === 0);
    }
    for (const [x, y] of [[3, 3], [last - 3, 3], [3, last - 3]]) this.#square(x, y, 4, [2, 4]);
    const centres = alignment[this.version];
    for (const x of centres) {
      for (const y of centres) {
        const corner = (x === 6 && (y === 6 || y === centres.at(-1))) || (x === centres.at(-1) && y === 6);
        if (!corner) this.#square(x, y, 2, [1]);
      }
    }
    this.format(0);
    if (this.version >= 7) this.#writeVersion();
  }

  // Rings around (x, y), up to `radius`; those of `light` are light.
  #square(x, y, radius, light) {
    for (let dy = -radius; dy <= radius; dy += 1) {
      for (let dx = -radius; dx <= radius; dx += 1) {
        this.set(x + dx, y + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
      }
    }
  }

  // Section 7.9: level M (00) and the mask, twice, with a BCH code.
  format(mask) {
    let rest = mask;
    for (let i = 0; i < 10; i += 1) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
    const bits = ((mask << 10) | rest) ^ 0x5412;
    const bit = (i) => ((bits >> i) & 1) === 1;
    const last = this.size - 1;
    for (let i = 0; i < 6; i += 1) this.set(8, i, bit(i));
    this.set(8, 7, bit(6));
    this.set(8, 8, bit(7));
    this.set(7, 8, bit(8));
    for (let i = 9; i < 15; i += 1) this.set(14 - i, 8, bit(i));
    for (let i = 0; i < 8; i += 1) this.set(last - i, 8, bit(i));
    for (let i = 8; i < 15; i += 1) this.set(8, last - 14 + i, bit(i));
    this.set(8, last - 7, true);
  }

  // Section 7.10.
  #writeVersion() {
    let rest = this.version;
    for (let i = 0; i < 12; i += 1) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
    const bits = (this.version << 12) | rest;
    for (let i = 0; i < 18; i += 1) {
      const dark = ((bits >> i) & 1) === 1;
      const far = this.size - 11 + (i % 3);
      const near = Math.floor(i / 3);
      this.set(far, near, dark);
      this.set(near, far, dark);
    }
  }

  // Section 7.7.3: pairs of columns from the right, upwards and downwards in turn.
  fill(codewords) {
    let at = 0;
    for (let right = this.size - 1, up = true; right > 0; right -= 2, up = !up) {
      if (right === 6) right = 5;
      for (let step = 0; step < this.size; step += 1) {
        const y = up ? this.size - 1 - step : step;
        for (const x of [right, right - 1]) {
          if (this.fixed[y][x]) continue;
          this.dark[y][x] = ((codewords[at >> 3] >> (7 - (at & 7))) & 1) === 1;
          at += 1;
        }
      }
    }
  }

  flip(mask) {
    const flips = [
      (x, y) => (x + y) % 2 === 0, (x, y) => y % 2 === 0, (x) => x % 3 === 0, (x, y) => (x + y) % 3 === 0,
      (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
      (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
      (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
      (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
    ];
    for (let y = 0; y < this.size; y += 1) {
      for (let x = 0; x < this.size; x += 1) {
        if (!this.fixed[y][x] && flips[mask](x, y)) this.dark[y][x] = !this.dark[y][x];
      }
    }
  }

  // Section 7.8.3: what makes a code hard to read.
  penalty() {
    const columns = this.dark.map((_, x) => this.dark.map((row) => row[x]));
    let sum = 0;
    for (const line of [...this.dark, ...columns]) {
      const text = line.map((dark) => (dark ? "1" : "0")).join("");
      for (const run of text.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
      sum += 40 * (text.match(/(?=10111010000|00001011101)/g)?.length ?? 0);
    }
    let count = 0;
    for (let y = 0; y < this.size; y += 1) {
      for (let x = 0; x < this.size; x += 1) {
        count += this.dark[y][x] ? 1 : 0;
        if (x > 0 && y > 0 && new Set([this.dark[y][x], this.dark[y - 1][x], this.dark[y][x - 1],
          this.dark[y - 1][x - 1]]).size === 1) sum += 3;
      }
    }
    return sum + 10 * Math.floor(Math.abs(count / this.size ** 2 - 0.5) * 20);
  }
}

// The modules of the code, row by row: true is dark. Throws RangeError if the text is too long.
export function encode(text) {
  const bytes = [...new TextEncoder().encode(text)];
  if (bytes.length > text_bytes_max) throw new RangeError(`more than ${text_bytes_max} bytes`);
  const version = versions.findIndex((one, number) =>
    one && bytes.length * 8 + 4 + lengthBits(number) <= dataCodewords(one) * 8);
  const grid = new Grid(version);
  grid.patterns();
  grid.fill(interleave(pack(bytes, version), versions[version]));
  let best = { mask: 0, penalty: Infinity };
  for (let mask = 0; mask < 8; mask += 1) {
    grid.format(mask);
    grid.flip(mask);
    const penalty = grid.penalty();
    if (penalty < best.penalty) best = { mask, penalty };
    grid.flip(mask);
  }
  grid.format(best.mask);
  grid.flip(best.mask);
  return grid.dark;
}

// The code as an SVG element: black on white, with the quiet zone of four modules (section 6.3.8).
export function svg(text) {
  const rows = encode(text);
  const size = rows.length + 8;
  const path = rows.flatMap((row, y) =>
    row.map((dark, x) => (dark ? `M${x + 4} ${y + 4}h1v1h-1z` : ""))).join("");
  const name = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(name, "svg");
  picture.setAttribute("viewBox", `0 0 ${size} ${size}`);
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", text);
  for (const [tag, fill, attributes] of [["rect", "#fff", { width: size, height: size }],
    ["path", "#000", { d: path }]]) {
    const part = document.createElementNS(name, tag);
    part.setAttribute("fill", fill);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    picture.append(part);
  }
  return picture;
}
