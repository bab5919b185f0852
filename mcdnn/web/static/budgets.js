// What was granted and what is gone: energy with its origin, money, memory, and what was lost.

import { byId, el, fill } from "./dom.js";
import { bytes, count, duration, energy, money, power, sentence, share } from "./format.js";
import { courseChart, legendLine, meter } from "./chart.js";

const MOST_REASONS = 10;
let course = null;

export function showCourse(told) {
  course = told;
}

export function showBudgets(now) {
  const { standing } = now.summary;
  fill(byId("energy"), [standing.budget, standing.spent, now.period_passed_s, course, now.meter], ([budget, spent, passed_s, points, meterLine]) => [
    ...spending(budget.spent_j, budget.energy_j, passed_s, budget, energy, budget.overdraft_j),
    ...chart(points, "spent_j", "energy_j", energy),
    ...byOrigin(spent),
    ...(meterLine ? [el("p", { class: "muted small" }, sentence(meterLine))] : [])]);
  byId("saved").parentElement.hidden = !now.saved.length;
  fill(byId("saved"), now.saved, (lines) => lines.map((line) => el("p", {}, sentence(line))));
  showMoney(now);
  fill(byId("memory"), standing.memory, memory);
  fill(byId("losses"), losses(now.summary), lossTable);
  showSpecial(standing.special);
}

// Renewal is told to the second; the rest of a text about pace would tire.
function spending(spent, limit, passed_s, budget, unit, overdraft) {
  if (limit === null) {
    const average = unit === energy && passed_s > 0 ? `, ${power(spent / passed_s)} on average` : "";
    return [el("p", { class: "big" }, unit(spent)), el("p", { class: "muted small" }, `No limit is set${average}.`)];
  }
  const used = limit ? spent / limit : 1, pace = passed_s / budget.period_s;
  const lines = [el("p", { class: "big" }, unit(spent), el("small", {}, ` of ${unit(limit)}`)),
    meter(used, pace, `${share(used)} spent, ${share(pace)} of the period is over`),
    el("p", {}, paceText(used, pace)),
    el("p", { class: "muted small" }, `${share(used)} spent, ${share(pace)} of the period over; renews ${budget.renewal || `in ${duration(budget.period_left_s)}`}.`)];
  if (overdraft > 0) lines.push(el("p", { class: "wrong" }, `${unit(overdraft)} beyond the budget.`));
  return lines;
}

function paceText(used, pace) {
  if (pace < 0.005) return "The period has just begun.";
  const off = used / pace - 1;
  const course = `on course for ${share(used / pace)} of the budget`;
  if (Math.abs(off) < 0.02) return `At an even pace, ${course}.`;
  return `${share(Math.abs(off))} ${off > 0 ? "over" : "under"} an even pace, ${course}.`;
}

function chart(points, spentKey, limitKey, unit) {
  if (!points || points.passed_s.length < 2) return [];
  const drawn = courseChart({ passed_s: points.passed_s, spent: points[spentKey], limit: points[limitKey], period_s: points[limitKey] === null ? null : points.period_s }, unit);
  const legend = [el("li", {}, legendLine("spent"), "spent")];
  if (points[limitKey] !== null) legend.push(el("li", {}, legendLine("pace"), "even pace"));
  return [drawn, el("ul", { class: "legend" }, ...legend)];
}

function byOrigin(spent) {
  const lines = spent.filter((line) => line.energy_j > 0).sort((a, b) => b.energy_j - a.energy_j);
  if (!lines.length) return [];
  const head = el("tr", {}, el("th", { scope: "col" }, "since the start"), el("th", { scope: "col" }, "figure is"), el("th", { class: "figure", scope: "col" }, "energy"));
  return [el("table", { class: "breakdown" }, el("thead", {}, head), el("tbody", {}, ...lines.map((line) => el("tr", {},
    el("td", {}, line.category.replaceAll("_", " ")),
    el("td", {}, el("span", { class: `origin ${line.origin}` }, line.origin)),
    el("td", { class: "figure" }, energy(line.energy_j))))))];
}

function showMoney(now) {
  const { budget, cloud } = now.summary.standing;
  const used = budget.cost_usd !== null && budget.cost_usd > 0 || cloud.sent > 0 || now.cloud_connected !== null;
  byId("money").parentElement.hidden = !used;
  if (!used) return;
  fill(byId("money"), [budget, cloud, now.cloud_connected, now.period_passed_s, course], ([, , connected, passed_s, points]) => [
    ...spending(budget.spent_usd, budget.cost_usd, passed_s, budget, money, budget.overdraft_usd),
    ...(budget.cost_usd === null ? [] : chart(points, "spent_usd", "cost_usd", money)),
    el("p", { class: "small" }, `The server ${connected ? "answers" : "does not answer"}. ${count(cloud.sent)} requests sent: ${count(cloud.answered)} answered, the device stood in for ${count(cloud.stood_in)}, ${count(cloud.lost)} lost.`)]);
}

function memory(figures) {
  const limited = figures.limit_bytes !== null;
  const lines = [el("p", { class: "big" }, bytes(figures.used_bytes), limited ? el("small", {}, ` of ${bytes(figures.limit_bytes)}`) : "")];
  if (limited) lines.push(meter(figures.used_bytes / figures.limit_bytes, null, `${share(figures.used_bytes / figures.limit_bytes)} of the memory is in use`));
  return [...lines, el("p", { class: "muted small" }, `${count(figures.loads)} loads, ${count(figures.evictions)} evictions, ${bytes(figures.peak_bytes)} at most.`)];
}

// Rows of [why, how many, whose], what is lost most first.
function losses(summary) {
  const rows = new Map();
  const add = (what, whose, counts) => {
    for (const [reason, n] of Object.entries(counts)) {
      const [, total, parts] = rows.get(what + reason) ?? [[what, reason], 0, []];
      rows.set(what + reason, [[what, reason], total + n, [...parts, [whose, n]]]);
    }
  };
  for (const source of summary.standing.sources) add("frames", source.source, source.dropped);
  for (const app of summary.apps) add("requests", app.app, app.unserved);
  for (const sink of summary.standing.sinks) add("results", sink.sink, sink.dropped);
  return [...rows.values()].sort((a, b) => b[1] - a[1]);
}

function lossTable(rows) {
  if (!rows.length) return el("p", { class: "muted" }, "Nothing: every frame was processed and every request served.");
  const head = el("tr", {}, el("th", { scope: "col" }, "why"), el("th", { class: "figure", scope: "col" }, "how many"));
  const shown = rows.slice(0, MOST_REASONS).map(([[what, reason], total, parts]) => el("tr", {},
    el("td", {}, reason, el("div", { class: "muted" }, `${what}: ${parts.map(([whose, n]) => `${whose} ${count(n)}`).join(", ")}`)),
    el("td", { class: "figure" }, count(total))));
  const more = rows.length - MOST_REASONS;
  return [el("table", {}, el("thead", {}, head), el("tbody", {}, ...shown)),
    ...(more > 0 ? [el("p", { class: "muted small" }, `${more} more reasons are in the JSON.`)] : [])];
}

function showSpecial(special) {
  byId("special").parentElement.hidden = !special.heads && !special.recent.length;
  fill(byId("special"), special, (s) => [
    el("p", {}, `${count(s.heads)} heads trained, ${count(s.entered)} times taken into use, ${count(s.left)} times left.`),
    el("p", { class: "muted small" }, `They answered ${count(s.answered)} requests alone and passed ${count(s.passed_on)} on; ${count(s.checked)} were checked. ${s.saved_s < 0 ? "They cost" : "They saved"} ${duration(Math.abs(s.saved_s))} of processor time.`),
    ...(s.latest ? [el("p", { class: "small" }, s.latest)] : [])]);
}
