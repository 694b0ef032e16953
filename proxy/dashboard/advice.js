// The advisor's curves: a card for each pattern, the most read ones.
import { curve } from "./charts.js";
import { copy, element, nothing, setText } from "./dom.js";
import { bytes, duration, number, ratio, ttl, whole } from "./format.js";
import { nameOf } from "./history.js";

const MOST = 8;
const COPIED_MS = 2000;

const near = (points, time) => points.reduce((best, p) => (Math.abs(p.ttl_ms - time) < Math.abs(best.ttl_ms - time) ? p : best));

const configLine = (a) => `"ttl": "${ttl(a.recommended_ms)}"`;

const where = (a) => (a.pattern === null ? `tables › ${a.table}` : `tables › ${a.table} › patterns › ${a.pattern}`);

const ROWS = [
  ["TTL", (p) => ttl(p.ttl_ms)],
  ["Hit ratio", (p) => ratio(p.hit_ratio)],
  ["Read units/s", (p) => number(p.units_per_s)],
  ["Memory", (p) => bytes(p.bytes)],
  ["Age of a hit", (p) => duration(p.stale_age_ms)],
];

class Card {
  constructor() {
    this.title = element("h3");
    this.reads = element("p", { class: "reads" });
    this.canvas = element("canvas", { role: "img" });
    this.reason = element("p", { class: "reason" });
    this.compare = element("table", { class: "compare" });
    this.button = element("button", { type: "button", class: "primary" }, "Copy config line");
    this.where = element("span", { class: "where" });
    this.act = element("p", { class: "act" }, this.button, this.where);
    const plot = element("div", { class: "plot" }, this.canvas);
    this.root = element("article", { class: "card" }, this.title, this.reads, plot, this.reason, this.compare, this.act);
    this.button.addEventListener("click", () => this.copied());
  }

  async copied() {
    await copy(configLine(this.advice));
    this.button.textContent = "Copied";
    setTimeout(() => (this.button.textContent = "Copy config line"), COPIED_MS);
  }

  describe(i) {
    const p = this.advice.points[i];
    return [` TTL ${ttl(p.ttl_ms)}`, ` hit ratio ${ratio(p.hit_ratio)}`, ` ${number(p.units_per_s)} read units/s`, ` ${bytes(p.bytes)}`];
  }

  show(a) {
    const same = JSON.stringify(a);
    if (same === this.same) return;
    this.same = same;
    this.advice = a;
    const better = a.recommended_ms !== a.current_ms;
    const [now, then] = [near(a.points, a.current_ms), near(a.points, a.recommended_ms)];
    this.root.dataset.pattern = nameOf(a);
    setText(this.title, nameOf(a));
    setText(this.reads, `${whole(a.reads)} reads seen`);
    setText(this.reason, a.reason);
    this.root.classList.toggle("better", better);
    this.act.hidden = !better;
    setText(this.where, where(a));
    this.button.title = configLine(a);
    this.canvas.setAttribute("aria-label", `Hit ratio of ${nameOf(a)} by TTL. ${a.reason}`);
    this.showComparison(now, then, better);
    this.plot ??= curve(this.canvas, (i) => this.describe(i));
    const point = (p) => ({ x: p.ttl_ms, y: p.hit_ratio });
    const xs = a.points.map((p) => p.ttl_ms);
    const marks = now.ttl_ms > 0 ? [point(now)] : [];
    this.plot.show([a.points.filter((p) => p.ttl_ms > 0).map(point), marks, better ? [point(then)] : []], Math.max(1, Math.min(...xs)), Math.max(...xs));
  }

  showComparison(now, then, better) {
    const cell = (tag, text, kind) => element(tag, { class: kind, scope: tag === "th" ? "col" : null }, text);
    const titles = better ? ["", "In force", "Recommended"] : ["", "In force"];
    const head = element("tr", {}, ...titles.map((t, i) => cell("th", t, i === 2 ? "then" : "")));
    const rows = ROWS.map(([name, of]) => {
      const cells = [element("th", { scope: "row" }, name), cell("td", of(now), "number")];
      if (better) cells.push(cell("td", of(then), "number then"));
      return element("tr", {}, ...cells);
    });
    this.compare.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  }
}

export class Advice {
  constructor(root, empty) {
    this.root = root;
    this.empty = empty;
    this.cards = new Map();
  }

  show(advice) {
    const shown = [...advice].sort((a, b) => b.reads - a.reads).slice(0, MOST);
    const names = new Set(shown.map(nameOf));
    for (const [name, card] of this.cards) {
      if (names.has(name)) continue;
      card.plot?.end();
      card.root.remove();
      this.cards.delete(name);
    }
    for (const a of shown) {
      const name = nameOf(a);
      if (!this.cards.has(name)) {
        this.cards.set(name, new Card());
        this.root.append(this.cards.get(name).root);
      }
      this.cards.get(name).show(a);
    }
    const more = advice.length - shown.length;
    nothing(this.empty, advice.length === 0 ? "No table with a TTL has been read yet: the advisor learns from reads and writes." : more > 0 ? `${more} more, less read: readaside advise shows them all.` : null);
  }
}
