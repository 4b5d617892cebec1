// A murmuration: each bird keeps with the others, off its neighbours, and inside the sky.
// Used by the home page (moving) and by the echo page (one picture, to have something to send).

const perception = 46;
const separation = 15;
const speed_px_max = 2.1;

export class Flock {
  constructor(width, height, count, random = Math.random) {
    this.resize(width, height);
    this.birds = Array.from({ length: count }, () => ({
      x: width * (0.45 + 0.45 * random()), y: height * (0.15 + 0.6 * random()),
      vx: random() * 2 - 1, vy: random() - 0.5, size: 0.7 + 0.6 * random(),
    }));
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
  }

  step() {
    for (const bird of this.birds) this.#steer(bird);
    for (const bird of this.birds) {
      bird.x += bird.vx;
      bird.y += bird.vy;
    }
  }

  #steer(bird) {
    let near = 0, x = 0, y = 0, vx = 0, vy = 0, awayX = 0, awayY = 0;
    for (const other of this.birds) {
      const dx = other.x - bird.x, dy = other.y - bird.y;
      const square = dx * dx + dy * dy;
      if (other === bird || square > perception * perception) continue;
      near += 1;
      x += dx; y += dy; vx += other.vx; vy += other.vy;
      if (square < separation * separation) {
        awayX -= dx / (square + 1);
        awayY -= dy / (square + 1);
      }
    }
    if (near > 0) {
      bird.vx += (x / near) * 0.0012 + (vx / near - bird.vx) * 0.045 + awayX * 0.35;
      bird.vy += (y / near) * 0.0012 + (vy / near - bird.vy) * 0.045 + awayY * 0.35;
    }
    // The roost lies right of the middle, clear of the headline.
    bird.vx += (this.width * 0.7 - bird.x) * 0.00009;
    bird.vy += (this.height * 0.45 - bird.y) * 0.00022;
    const margin = 24;
    if (bird.x < margin) bird.vx += 0.12;
    if (bird.x > this.width - margin) bird.vx -= 0.12;
    if (bird.y < margin) bird.vy += 0.12;
    if (bird.y > this.height - margin) bird.vy -= 0.12;
    const speed = Math.hypot(bird.vx, bird.vy) || 1;
    const wanted = Math.min(Math.max(speed, 0.9), speed_px_max);
    bird.vx *= wanted / speed;
    bird.vy *= wanted / speed;
  }

  draw(context, color) {
    context.fillStyle = color;
    for (const { x, y, vx, vy, size } of this.birds) {
      context.save();
      context.translate(x, y);
      context.rotate(Math.atan2(vy, vx));
      context.scale(size, size);
      context.beginPath();
      context.moveTo(5, 0);
      context.lineTo(-3, 5);
      context.lineTo(-1, 0);
      context.lineTo(-3, -5);
      context.closePath();
      context.fill();
      context.restore();
    }
  }
}

// A dusk sky with birds; `random` decides every bird, so that a seeded one gives the same picture.
export function paintDusk(context, width, height, random = Math.random) {
  const sky = context.createLinearGradient(0, 0, width * 0.15, height);
  sky.addColorStop(0, "#1d2158");
  sky.addColorStop(0.5, "#6d4391");
  sky.addColorStop(0.85, "#dd8378");
  sky.addColorStop(1, "#f6c48f");
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#ffe3b8";
  context.beginPath();
  context.arc(width * 0.22, height * 0.88, height * 0.11, 0, Math.PI * 2);
  context.fill();
  const flock = new Flock(width, height, 130, random);
  for (let tick = 0; tick < 160; tick += 1) flock.step();
  flock.draw(context, "#12122e");
  context.fillStyle = "#191637";
  context.beginPath();
  context.moveTo(0, height);
  for (let x = 0; x <= width; x += 8) {
    context.lineTo(x, height * 0.93 - Math.sin(x / 47) * 7 - Math.sin(x / 19 + 2) * 3);
  }
  context.lineTo(width, height);
  context.fill();
}
