// What has been seen of the proxy's counters: they only grow, so rates are differences.
const KEPT_MS = 15 * 60 * 1000;
const GAP_MS = 3500; // further apart than that, and something is missing between them
const WINDOW_MS = 10 * 1000;
const SMOOTH_MS = 3000;
const STEPS = [1, 2, 3, 5, 10, 15];

export const OUTCOMES = ["hit", "stale", "miss", "bypass", "write", "pass", "error"];

export const nameOf = (p) => (p.pattern === null ? p.table : `${p.table} · ${p.pattern}`);

export class History {
  constructor() {
    this.samples = [];
  }

  get newest() {
    return this.samples[this.samples.length - 1];
  }

  add(live) {
    const last = this.newest;
    if (last && (live.started !== last.live.started || live.at <= last.live.at)) this.samples = [];
    this.samples.push({ at: live.at, live, patterns: new Map(live.patterns.map((p) => [nameOf(p), p])) });
    while (this.samples[0].at < live.at - KEPT_MS) this.samples.shift();
  }

  // So many minutes, or fewer while less than that has been seen: a chart grows in steps.
  span(minutes) {
    const there = (this.newest.at - this.samples[0].at) / 60000;
    return Math.min(minutes, STEPS.find((step) => step >= there) ?? minutes);
  }

  // The sample that a rate over the last `span` ms counts from.
  before(span = WINDOW_MS, newest = this.samples.length - 1) {
    const at = this.samples[newest].at - span;
    let i = newest;
    while (i > 0 && this.samples[i].at > at && this.samples[i].at - this.samples[i - 1].at <= GAP_MS) i--;
    return this.samples[i];
  }

  // of(live): a counter. Per second over the last `span` ms; null where there is one sample only.
  rate(of, span) {
    if (this.samples.length < 2) return null;
    const from = this.before(span);
    const seconds = (this.newest.at - from.at) / 1000;
    return seconds > 0 ? Math.max(0, of(this.newest.live) - of(from.live)) / seconds : null;
  }

  // A chart's points: the rate over the few seconds before each sample, none where some are missing.
  rates(of) {
    const points = [];
    for (let i = 1; i < this.samples.length; i++) {
      const to = this.samples[i];
      const from = this.before(SMOOTH_MS, i);
      points.push({ x: to.at, y: from === to ? NaN : Math.max(0, of(to.live) - of(from.live)) / ((to.at - from.at) / 1000) });
    }
    return points;
  }

  // Points of what each sample says by itself.
  values(of) {
    const points = [];
    this.samples.forEach((s, i) => {
      if (i > 0 && s.at - this.samples[i - 1].at > GAP_MS) points.push({ x: s.at - 1, y: NaN });
      points.push({ x: s.at, y: of(s.live) ?? NaN });
    });
    return points;
  }

  // The hit ratio of what `counters(sample)` counts, over the window that ends with the `i`th sample.
  ratioAt(i, counters, span) {
    const [from, to] = [counters(this.before(span, i)), counters(this.samples[i])];
    if (!from || !to) return null;
    const grown = (name) => to[name] - from[name];
    const good = grown("hit") + grown("stale");
    const all = good + grown("miss");
    return all > 0 ? good / all : null;
  }

  ratio(counters, span) {
    return this.samples.length < 2 ? null : this.ratioAt(this.samples.length - 1, counters, span);
  }

  ratios(counters) {
    return this.samples.map((s, i) => ({ x: s.at, y: (i > 0 ? this.ratioAt(i, counters) : null) ?? NaN }));
  }
}
