// Who is typing: told once when it begins and once when it ends, and forgotten when the end gets lost.

const idle_ms_max = 2_000;
const told_again_ms = 3_000;
const forgotten_ms_max = 6_000;

// Of the one here. `tell(isTyping)` is called at the beginning, now and then, and at the end.
export class Typing {
  #tell;
  #timer = 0;
  #toldAt = -Infinity;

  constructor(tell) { this.#tell = tell; }

  touched() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.ended(), idle_ms_max);
    if (performance.now() - this.#toldAt < told_again_ms) return;
    this.#toldAt = performance.now();
    this.#tell(true);
  }

  ended() {
    clearTimeout(this.#timer);
    if (this.#toldAt === -Infinity) return;
    this.#toldAt = -Infinity;
    this.#tell(false);
  }
}

// Of the others. `show(names)` is called when the list changes.
export class Typists {
  #show;
  #timers = new Map(); // id → {name, timer}

  constructor(show) { this.#show = show; }

  set(id, name, isTyping) {
    clearTimeout(this.#timers.get(id)?.timer);
    this.#timers.delete(id);
    if (isTyping) {
      const timer = setTimeout(() => this.set(id, name, false), forgotten_ms_max);
      this.#timers.set(id, { name, timer });
    }
    this.draw();
  }

  // Only those with one of these ids remain.
  keep(ids) {
    for (const [id, { timer }] of this.#timers) {
      if (ids.has(id)) continue;
      clearTimeout(timer);
      this.#timers.delete(id);
    }
    this.draw();
  }

  draw() { this.#show([...this.#timers.values()].map(({ name }) => name)); }
}
