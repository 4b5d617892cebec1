// The graphs of the last ten minutes, or of the last hour: one canvas for each series.

import { onLanguage, t } from "/admin/language.js";

const host = document.getElementById("graphs");
const fineMax = 600, coarseMax = 360, perCoarse = 10;
let names = [], span = "fine";
const rows = { fine: [], coarse: [] };
let sum = [];

export function short(value) {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(2);
}

export function start(history) {
  names = history.names;
  rows.fine = history.fine;
  rows.coarse = history.coarse;
  sum = [];
  host.replaceChildren(...names.map((name) => {
    const figure = document.createElement("figure");
    figure.dataset.series = name;
    const caption = document.createElement("figcaption");
    caption.append(document.createElement("span"), document.createElement("b"));
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    figure.append(caption, canvas, document.createElement("small"));
    return figure;
  }));
  onLanguage(title);
  draw();
}

function title() {
  for (const figure of host.children) {
    figure.querySelector("span").textContent = t(`series.${figure.dataset.series}`);
  }
}

export function add(second, sample) {
  rows.fine.push([second, ...sample]);
  if (rows.fine.length > fineMax) rows.fine.shift();
  sum.push(sample);
  if (sum.length === perCoarse) {
    rows.coarse.push([second, ...sample.map((_, i) => sum.reduce((all, one) => all + one[i], 0) / perCoarse)]);
    if (rows.coarse.length > coarseMax) rows.coarse.shift();
    sum = [];
  }
  draw();
}

function draw() {
  const style = getComputedStyle(document.body);
  const shown = rows[span];
  const seconds = span === "fine" ? fineMax : coarseMax * perCoarse;
  const last = shown.at(-1)?.[0] ?? 0;
  for (const [i, figure] of [...host.children].entries()) {
    const latest = rows.fine.at(-1)?.[i + 1];
    figure.querySelector("b").textContent = latest === undefined ? "" : short(latest);
    const canvas = figure.querySelector("canvas");
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth * ratio, height = canvas.clientHeight * ratio;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    const highest = shown.reduce((most, row) => Math.max(most, row[i + 1]), 0), top = Math.max(1e-9, highest) * 1.1;
    figure.querySelector("small").textContent = short(highest);
    canvas.setAttribute("aria-label", t("highest", { name: t(`series.${figure.dataset.series}`),
      value: latest === undefined ? "" : short(latest), top: short(highest) }));
    pen.beginPath();
    for (const row of shown) {
      const x = width - ((last - row[0]) / seconds) * width;
      pen.lineTo(x, height - (row[i + 1] / top) * height);
    }
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 1.5 * ratio;
    pen.stroke();
  }
}

for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => {
    span = button.dataset.span;
    for (const other of document.querySelectorAll("[data-span]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    draw();
  });
}
