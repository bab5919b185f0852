// Live pictures. A browser keeps few connections to a server, and a stream takes one for itself: two
// cameras that are in view are streamed, further ones are asked for a picture now and then.

import { byId, el, fill, keyed } from "./dom.js";
import { count, rate } from "./format.js";

const MOST_STREAMS = 2, LOOK_EVERY_MS = 2000;
const before = new Map();
let paused = false;

export function showCameras(now) {
  const sources = now.summary.standing.sources;
  const parent = byId("cameras");
  parent.classList.toggle("one", sources.length === 1);
  const cards = keyed(parent, sources.map((s) => s.source), makeCard);
  sources.forEach((source, i) => update(cards[i], source, now.at_s));
  look();
}

// While nobody sees the page, or nothing answers, pictures are not asked for.
export function pauseCameras(whether) {
  paused = whether;
  for (const img of document.querySelectorAll(".camera img")) if (paused) show(img, null);
  if (!paused) look();
}

function makeCard(name) {
  const card = el("figure", { class: "card camera" },
    el("div", { class: "sight" },
      el("img", { alt: `Live picture of ${name} with what was found in it` }),
      el("p", { class: "trouble", role: "alert", hidden: true })),
    el("figcaption", {}, el("strong", {}, name), el("span", { class: "muted small" })));
  card.dataset.key = name;
  const img = card.querySelector("img");
  img.addEventListener("load", fit);
  img.addEventListener("error", () => { delete img.dataset.address; });
  return card;
}

function fit(event) {
  const { naturalWidth, naturalHeight, parentElement } = event.target;
  if (naturalWidth > 1) parentElement.style.aspectRatio = `${naturalWidth} / ${naturalHeight}`;
}

function update(card, source, at_s) {
  const dropped = Object.values(source.dropped).reduce((sum, n) => sum + n, 0);
  fill(card.querySelector("figcaption span"), [framesPerSecond(source, at_s), source.taken, dropped], ([fps, taken, lost]) =>
    `${fps === null ? "" : `${rate(fps)} frames a second, `}${count(taken)} processed${lost ? `, ${count(lost)} dropped` : ""}`);
  const trouble = card.querySelector(".trouble");
  trouble.hidden = !source.report.trouble;
  fill(trouble, source.report.trouble, (why) => `Gives no frames: ${why}`);
}

function framesPerSecond(source, at_s) {
  const [was_s, taken, shown] = before.get(source.source) ?? [at_s, source.taken, null];
  if (at_s - was_s < 2 && before.has(source.source)) return shown;
  const fps = at_s > was_s ? (source.taken - taken) / (at_s - was_s) : null;
  before.set(source.source, [at_s, source.taken, fps]);
  return fps;
}

function look() {
  let streams = 0;
  for (const card of document.querySelectorAll(".camera")) {
    const img = card.querySelector("img"), name = encodeURIComponent(card.dataset.key);
    if (paused || !isInView(card)) show(img, null);
    else if (streams++ < MOST_STREAMS) show(img, `stream/${name}.mjpg`);
    else show(img, `snapshot/${name}.jpg?${Math.floor(Date.now() / LOOK_EVERY_MS)}`);
  }
}

function isInView(card) {
  const { top, bottom } = card.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

function show(img, address) {
  if (img.dataset.address === String(address)) return;
  img.dataset.address = String(address);
  if (address === null) img.removeAttribute("src");
  else img.src = address;
}

setInterval(look, LOOK_EVERY_MS);
addEventListener("scroll", look, { passive: true });
