// Quantities as people read them: three significant digits and a fitting unit.

const PLAIN = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, useGrouping: true });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function withUnit(value, units) {
  const [size, unit] = units.find(([least]) => Math.abs(value) >= least) ?? units.at(-1);
  return `${PLAIN.format(value / size)} ${unit}`;
}

export const count = (value) => WHOLE.format(value);
export const energy = (j) => j === 0 ? "0 J" : withUnit(j, [[1e6, "MJ"], [1e3, "kJ"], [1, "J"], [1e-3, "mJ"], [1e-6, "µJ"]]);
export const power = (w) => withUnit(w, [[1, "W"], [1e-3, "mW"]]);
export const money = (usd) => `$${PLAIN.format(usd)}`;
export const latency = (s) => s === null ? "–" : s === 0 ? "0 s" : withUnit(s, [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]]);
export const bytes = (size) => withUnit(size, [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]);
export const share = (value, digits = 0) => value === null ? "–" : `${(100 * value).toFixed(digits)} %`;
export const rate = (hz) => PLAIN.format(hz);
export const clock = (at_s) => new Date(1000 * at_s).toLocaleTimeString("en-GB");
export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
export const day = (at_s) => new Date(1000 * at_s).toLocaleDateString("en-GB", { day: "numeric", month: "short" });

export function duration(s) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const words = [];
  let left = Math.round(s);
  for (const [size, unit] of units) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole) words.push(`${whole} ${unit}`);
  }
  return words.slice(0, 2).join(" ") || "0 s";
}

// The trunk of a variant; the rest of its id is the task, which is the app's.
export const trunk = (variant) => variant.split("/")[0];
