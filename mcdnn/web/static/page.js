// The connection to the engine: events come in, sections are shown; when nothing comes, the page says so.

import { showApps, showWhy } from "./apps.js";
import { showBudgets, showCourse } from "./budgets.js";
import { pauseCameras, showCameras } from "./cameras.js";
import { byId, el, fill } from "./dom.js";
import { clock, day, duration, sentence } from "./format.js";

const SILENT_MS = 6000, RETRY_MS = 3000;
let events = null, heard_ms = Date.now(), last = null, isLost = false;

const topics = {
  now: showNow,
  happened: showHappened,
  course: (told) => { showCourse(told); if (last) showBudgets(last); },
  why: (told) => { showWhy(told); if (last) showApps(last); },
};

function connect() {
  events?.close();
  events = new EventSource("events");
  for (const [name, show] of Object.entries(topics)) {
    events.addEventListener(name, (event) => { hear(); show(JSON.parse(event.data)); });
  }
  events.onerror = () => {
    lose();
    if (events.readyState === EventSource.CLOSED) setTimeout(tryAgain, RETRY_MS);
  };
}

// A connection that was refused is not tried again by the browser: it may need a token now.
async function tryAgain() {
  try {
    const answer = await fetch("api/state", { cache: "no-store" });
    if (answer.status === 401) location.reload();
    connect();
  } catch {
    setTimeout(tryAgain, RETRY_MS);
  }
}

function hear() {
  heard_ms = Date.now();
  if (isLost) {
    isLost = false;
    byId("lost").hidden = true;
    pauseCameras(false);
  }
}

function lose() {
  const ended = last?.status === "ended";
  if (!isLost) pauseCameras(true);
  isLost = true;
  byId("lost").hidden = false;
  byId("lost").textContent = ended
    ? `The run has ended; this is how it stood at ${clock(last.at_s)}.`
    : `No connection to the engine${last ? ` since ${clock(heard_ms / 1000)}` : ""}. Trying again; figures below are old.`;
  setStatus(ended ? "waiting" : "bad", ended ? "Ended" : "Connection lost");
}

function setStatus(state, text) {
  const status = byId("status");
  status.dataset.state = state;
  if (status.textContent !== text) status.textContent = text;
}

function showNow(now) {
  last = now;
  fill(byId("title"), [now.title], ([title]) => title);
  document.title = `${now.title} – mcdnn`;
  showStatus(now);
  byId("wrong").hidden = !now.wrong.length;
  fill(byId("wrong"), now.wrong, (wrong) => sentence(wrong.join(", ")));
  if (!now.summary.standing.sources.length) return;
  showCameras(now);
  showApps(now);
  showBudgets(now);
}

function showStatus(now) {
  if (now.status === "running") {
    setStatus(now.wrong.length ? "troubled" : "running", `Running ${duration(now.summary.elapsed_s)}`);
  } else if (now.status === "stalled") setStatus("bad", "The engine stands still");
  else setStatus("waiting", now.status === "ended" ? "Ended" : "Starting");
}

function showHappened(list) {
  fill(byId("happened"), list, () => list.length ? list.map((h) => el("li", {},
    el("time", { datetime: new Date(1000 * h.at_s).toISOString(), title: day(h.at_s) }, clock(h.at_s)),
    el("span", { class: h.is_bad ? "bad" : null }, h.is_bad ? "⚠ " : "", h.text),
    el("span", { class: "kind" }, isToday(h.at_s) ? h.kind : `${h.kind}, ${day(h.at_s)}`))) : el("li", { class: "muted" }, "Nothing yet"));
}

const isToday = (at_s) => day(at_s) === day(Date.now() / 1000);

setInterval(() => { if (!document.hidden && Date.now() - heard_ms > SILENT_MS) lose(); }, 1000);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    events?.close();
    pauseCameras(true);
  } else {
    heard_ms = Date.now();
    pauseCameras(false);
    connect();
  }
});
addEventListener("pagehide", () => events?.close());
connect();
