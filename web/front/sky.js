// The flock above the home page's head. It stands still for those who ask for less motion.

import { Flock } from "/flock.js";

export function startSky(sky) {
  const context = sky.getContext("2d");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let flock;
  let frame = 0;

  function paint() {
    context.clearRect(0, 0, flock.width, flock.height);
    flock.draw(context, "rgb(13 12 38 / 72%)");
  }

  function fit() {
    const { width, height } = sky.getBoundingClientRect();
    const scale = devicePixelRatio || 1;
    sky.width = Math.round(width * scale);
    sky.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    if (!flock) {
      flock = new Flock(width, height, width < 600 ? 90 : 170);
      for (let tick = 0; tick < 200; tick += 1) flock.step();
    }
    flock.resize(width, height);
    paint();
  }

  function fly() {
    flock.step();
    paint();
    frame = requestAnimationFrame(fly);
  }

  function start() {
    cancelAnimationFrame(frame);
    if (!still.matches) frame = requestAnimationFrame(fly);
  }

  new ResizeObserver(fit).observe(sky);
  fit();
  still.addEventListener("change", start);
  start();
}
