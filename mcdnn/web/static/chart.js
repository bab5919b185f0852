// Spending over the period, beside an even pace, and a bar of the same: small SVG, drawn here.

import { svg } from "./dom.js";
import { duration } from "./format.js";

const WIDTH = 420, HEIGHT = 170, LEFT = 6, RIGHT = 8, TOP = 16, BOTTOM = 22;

// course: { passed_s, spent, limit, period_s }; limit and period_s are null where nothing is limited.
export function courseChart(course, unit) {
  const last = course.passed_s.length - 1;
  const until_s = course.period_s ?? Math.max(1, course.passed_s[last] ?? 1);
  const most = 1.02 * Math.max(course.limit ?? 0, course.spent[last] ?? 0, 1e-9);
  const x = (s) => LEFT + (WIDTH - LEFT - RIGHT) * Math.min(1, s / until_s);
  const y = (amount) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * amount / most;
  const points = course.passed_s.map((s, i) => `${x(s).toFixed(1)},${y(course.spent[i]).toFixed(1)}`);
  const label = course.limit === null
    ? `${unit(course.spent[last] ?? 0)} spent in ${duration(until_s)}`
    : `${unit(course.spent[last] ?? 0)} of ${unit(course.limit)} spent after ${duration(course.passed_s[last] ?? 0)} of ${duration(until_s)}`;
  return svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    svg("line", { class: "grid", x1: x(0), x2: x(until_s), y1: y(0), y2: y(0) }),
    course.limit === null ? null : svg("line", { class: "grid", x1: x(0), x2: x(until_s), y1: y(course.limit), y2: y(course.limit) }),
    svg("text", { x: x(0), y: TOP - 5 }, unit(course.limit ?? most / 1.02)),
    svg("text", { x: x(0), y: HEIGHT - 6 }, "0"),
    svg("text", { x: x(until_s), y: HEIGHT - 6, "text-anchor": "end" }, duration(until_s)),
    course.limit === null ? null : svg("line", { class: "pace", x1: x(0), y1: y(0), x2: x(until_s), y2: y(course.limit) }),
    points.length < 2 ? null : svg("polygon", { class: "area", points: `${x(course.passed_s[0])},${y(0)} ${points.join(" ")} ${x(course.passed_s[last])},${y(0)}` }),
    points.length < 2 ? null : svg("polyline", { class: "spent", points: points.join(" ") }),
    last < 0 ? null : svg("circle", { class: "now", cx: x(course.passed_s[last]), cy: y(course.spent[last]), r: 4 }));
}

// How much of a whole is used, with a mark where an even pace would be (null for none).
export function meter(used, pace, label) {
  const clamp = (value) => Math.max(0, Math.min(1, value));
  return svg("svg", { class: "meter", viewBox: "0 0 100 14", preserveAspectRatio: "none", role: "img", "aria-label": label },
    svg("rect", { class: "all", x: 0, y: 3, width: 100, height: 8 }),
    svg("rect", { class: used > 1 ? "used over" : "used", x: 0, y: 3, width: 100 * clamp(used), height: 8 }),
    pace === null ? null : svg("line", { class: "pace", x1: 100 * clamp(pace), x2: 100 * clamp(pace), y1: 0, y2: 14, "vector-effect": "non-scaling-stroke" }));
}

export const legendLine = (kind) => svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" },
  svg("line", { class: kind, x1: 0, x2: 22, y1: 4, y2: 4 }));
