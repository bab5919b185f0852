// Every app: what it answers, what answers it, and why.

import { byId, el, fill, keyed } from "./dom.js";
import { count, energy, latency, rate, share, trunk } from "./format.js";

const STALE_S = 10;
let reasons = new Map();

export function showWhy(entries) {
  reasons = new Map(entries.map((entry) => [entry.app, entry]));
}

export function showApps(now) {
  const apps = now.summary.apps.filter((app) => !reasons.size || reasons.has(app.app)); // no removed ones
  const cards = keyed(byId("apps"), apps.map((a) => a.app), makeCard);
  apps.forEach((app, i) => update(cards[i], app, now.answers.filter((a) => a.app === app.app)));
}

function makeCard(name) {
  return el("article", { class: "card app", "aria-label": `App ${name}` },
    el("header", {}, el("h3", {}, name), el("span", { class: "muted small asks" })),
    el("dl", { class: "answers" }),
    el("p", { class: "by" }),
    el("p", { class: "why" }),
    el("ul", { class: "facts" }),
    el("details", {}, el("summary", {}, "All options"), el("div", { class: "scroll" })));
}

function update(card, app, answers) {
  const why = reasons.get(app.app);
  const within = (selector) => card.querySelector(selector);
  if (why) fill(within(".asks"), [why.task, why.rate_hz, why.latency_limit_s], asks);
  fill(within(".answers"), answers.map(shown), answerRows);
  fill(within(".by"), why ? why.chosen : null, by);
  fill(within(".why"), why ? why.why : "", (text) => text);
  within(".why").hidden = !why;
  fill(within(".facts"), app, facts);
  const details = within("details");
  details.hidden = !why?.options.length;
  if (details.open && why) fill(within(".scroll"), [why.options, why.options_left_out, why.plan], optionsTable);
}

function asks([task, [least, wanted], limit_s]) {
  const most = wanted === null ? "every window" : `${rate(wanted)} a second`;
  const often = least ? `${rate(least)} to ${most}` : most;
  return [task, often, ...(limit_s === null ? [] : [`within ${latency(limit_s)}`])].join(" · ");
}

const shown = (a) => [a.source, a.answer, a.confidence, a.served, a.reason, a.truth, a.ago_s > STALE_S ? Math.round(a.ago_s / 10) * 10 : 0];

function answerRows(list) {
  if (!list.length) return [el("div", {}, el("dd", { class: "muted small" }, "No window yet"))];
  return [...grouped(list, ([source]) => source)].map(([source, of]) =>
    el("div", {}, el("dt", {}, source), el("dd", {}, ...of.filter(isAnswered).map(chip), ...unanswered(of))));
}

const isAnswered = ([, answer]) => answer !== null;

function unanswered(list) {
  const reasons = grouped(list.filter((a) => !isAnswered(a)), ([, , , , reason]) => reason);
  return [...reasons].map(([reason, of]) =>
    el("span", { class: "chip none" }, of.length > 1 ? `${reason}, ${of.length} windows` : reason));
}

function grouped(list, keyOf) {
  const groups = new Map();
  for (const item of list) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function chip([, answer, confidence, served, reason, truth, ago]) {
  const details = [share(confidence)];
  if (!served) details.push(reason);
  const wrong = truth !== null && truth !== answer;
  if (wrong) details.push(`is ${truth}`);
  if (ago) details.push(`${ago} s ago`);
  return el("span", { class: wrong ? "chip wrong" : "chip" }, answer, el("small", {}, details.join(", ")));
}

function by(chosen) {
  if (!chosen) return [];
  return [el("b", {}, trunk(chosen.variant)), ` ${chosen.where}: right ${share(chosen.accuracy, 1)} of the time, `,
    `${energy(chosen.energy_j)} a window`];
}

function facts(app) {
  const list = [["served", `${share(app.served_share, 1)} of ${count(app.requests)}`]];
  if (app.latency_p95_s !== null) list.push(["p95", latency(app.latency_p95_s)]);
  if (app.accuracy !== null) list.push(["right so far", share(app.accuracy, 1)]);
  for (const [origin, joules] of Object.entries(app.energy_j)) list.push([origin, energy(joules)]);
  const places = Object.entries(app.places);
  if (places.length > 1) list.push(["answered", places.map(([place, n]) => `${count(n)} ${place}`).join(", ")]);
  list.push(["by", mix(app.variants)]);
  return list.map(([name, value]) => el("li", {}, `${name} `, el("b", {}, value)));
}

function mix(variants) {
  const all = Object.values(variants).reduce((sum, n) => sum + n, 0);
  const most = Object.entries(variants).sort((a, b) => b[1] - a[1]).slice(0, 3);
  const named = most.map(([variant, n]) => `${trunk(variant)} ${share(n / all)}`);
  return named.join(", ") + (Object.keys(variants).length > 3 ? " and others" : "") || "nothing yet";
}

function optionsTable([options, left, plan]) {
  const head = el("tr", {}, el("th", { scope: "col" }, "option"), ...["right", "energy", "latency"].map((name) => el("th", { class: "figure", scope: "col" }, name)));
  const rows = options.map((o) => el("tbody", { class: o.chosen ? "chosen" : null },
    el("tr", {}, el("td", {}, `${trunk(o.variant)} ${o.where}`),
      el("td", { class: "figure" }, share(o.accuracy, 1)),
      el("td", { class: "figure" }, energy(o.energy_j)),
      el("td", { class: "figure" }, latency(o.worst_latency_s))),
    el("tr", {}, el("td", { colspan: 4, class: "muted" }, o.chosen ? "chosen" : o.ruled_out ?? ""))));
  const more = left ? [el("p", { class: "muted small" }, `${left} less accurate options are not listed.`)] : [];
  const planned = plan ? [el("p", { class: "muted small" }, plan)] : [];
  return [el("table", { class: "options" }, el("thead", {}, head), ...rows), ...more, ...planned];
}
