// The two canvases of the echo page: one to draw on, one to show what came back.

import { paintDusk } from "/flock.js";

export class DrawingBoard {
  #canvas;
  #context;
  #color;
  #width;
  #last = new Map(); // by pointer, so that two fingers draw two lines

  constructor(canvas, color, width) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#color = color;
    this.#width = width;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.#last.delete(event.pointerId));
    }
    this.reset();
  }

  clear() {
    this.#context.fillStyle = "#ffffff";
    this.#context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  reset() { paintDusk(this.#context, this.#canvas.width, this.#canvas.height); }

  toBlob() {
    return new Promise((resolve) => { this.#canvas.toBlob(resolve, "image/png"); });
  }

  #point(event) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) * (this.#canvas.width / box.width),
      y: (event.clientY - box.top) * (this.#canvas.height / box.height),
    };
  }

  #begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    const point = this.#point(event);
    this.#last.set(event.pointerId, point);
    this.#dot(point);
  }

  #move(event) {
    const from = this.#last.get(event.pointerId);
    if (!from) return;
    const to = this.#point(event);
    this.#line(from, to);
    this.#last.set(event.pointerId, to);
  }

  #dot({ x, y }) {
    const context = this.#context;
    context.fillStyle = this.#color.value;
    context.beginPath();
    context.arc(x, y, Number(this.#width.value) / 2, 0, Math.PI * 2);
    context.fill();
  }

  #line(from, to) {
    const context = this.#context;
    context.strokeStyle = this.#color.value;
    context.lineWidth = Number(this.#width.value);
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }
}

// Draws a picture file on `canvas`. False when the bytes are no picture.
export function drawPicture(canvas, blob) {
  return new Promise((resolve) => {
    const url = URL.createObjectURL(blob);
    const image = new Image();
    const finish = (drawn) => {
      URL.revokeObjectURL(url);
      resolve(drawn);
    };
    image.onload = () => {
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.drawImage(image, 0, 0);
      finish(true);
    };
    image.onerror = () => finish(false);
    image.src = url;
  });
}
