// Numbers as people read them. What isn't known is a dash.
export const DASH = "–";

const known = (x) => typeof x === "number" && Number.isFinite(x);

// With three digits that count, and thousands apart.
export function number(x) {
  if (!known(x)) return DASH;
  const size = Math.abs(x);
  const digits = size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return x.toLocaleString("en", { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

// Short where there is no room: 12.3k, 4.56M.
export function short(x) {
  if (!known(x)) return DASH;
  const size = Math.abs(x);
  if (size < 10000) return number(x);
  for (const [unit, suffix] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (size >= unit) return (x / unit).toLocaleString("en", { maximumSignificantDigits: 3 }) + suffix;
  return number(x);
}

// Of something per second: a column of them has its points one below the other, nearly.
export function rate(x) {
  if (!known(x) || x === 0 || x >= 10000) return short(x);
  return x.toLocaleString("en", { minimumFractionDigits: x >= 100 ? 0 : 1, maximumFractionDigits: x >= 100 ? 0 : x >= 1 ? 1 : 2 });
}

export const whole = (x) => (known(x) ? Math.round(x).toLocaleString("en") : DASH);

export const ratio = (x) => (known(x) ? (100 * x).toFixed(x > 0 && x < 0.0995 ? 2 : 1) + " %" : DASH);

export function bytes(x) {
  if (!known(x)) return DASH;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; Math.abs(x) >= 1024 && i + 1 < units.length; i++) x /= 1024;
  return (i === 0 ? Math.round(x).toString() : number(x)) + " " + units[i];
}

// Of microseconds, in ms.
export function ms(us) {
  if (!known(us)) return DASH;
  const x = us / 1000;
  return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 0.1 || x === 0 ? x.toFixed(2) : x.toFixed(3);
}

export function duration(time) {
  if (!known(time)) return DASH;
  if (time < 1000) return Math.round(time) + " ms";
  const s = time / 1000;
  if (s < 100) return (s < 10 ? +s.toFixed(1) : Math.round(s)) + " s";
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (d) return `${d} d ${h} h`;
  return h ? `${h} h ${m} min` : `${m} min`;
}

// As the configuration writes it, in the largest unit that leaves a whole number.
export function ttl(time) {
  for (const [unit, name] of [[3600e3, "h"], [60e3, "m"], [1e3, "s"]])
    if (time >= unit && time % unit === 0) return time / unit + name;
  return Math.round(time) + "ms";
}

export function money(x, currency) {
  if (!known(x)) return DASH;
  const digits = Math.abs(x) >= 1000 ? 0 : Math.abs(x) >= 0.1 || x === 0 ? 2 : 4;
  try {
    return x.toLocaleString("en", { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
  } catch {
    return x.toFixed(digits) + " " + currency; // not a currency of the world's
  }
}

const two = (x) => String(x).padStart(2, "0");

export function clock(at) {
  const t = new Date(at);
  return [t.getHours(), t.getMinutes(), t.getSeconds()].map(two).join(":");
}

export function day(at) {
  const t = new Date(at);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
}
