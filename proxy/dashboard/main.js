// Puts what the proxy says into the page, once a second.
import { Advice } from "./advice.js";
import * as charts from "./charts.js";
import { $, choice, element, nothing, setText, table } from "./dom.js";
import { follow } from "./feed.js";
import * as f from "./format.js";
import { History, OUTCOMES, nameOf } from "./history.js";

const THEME = "readaside-theme";
const MOST_ROWS = 50;
const LATENCIES = ["hit", "miss", "write", "store", "upstream"];
const MEANING = {
  hit: "answered from the cache",
  stale: "answered from the cache, past its TTL",
  miss: "read from DynamoDB, and cached",
  bypass: "read from DynamoDB, not to be cached",
  write: "passed on, and invalidated",
  pass: "passed through as it is",
  error: "refused or failed",
};

const seen = new History();
let minutes = 5;
let latencyOf = "hit";
let connection = { state: "connecting", since: Date.now(), text: "" };
let drawing = false;
const plots = {};

// ---- what is at the top ----

function showHead(live) {
  const facts = [["Version", live.version], ["Store", live.store], ["Threads", f.whole(live.threads)], ["Up", f.duration(live.at - live.started)]];
  const [connections, flight] = [f.whole(live.connections), f.whole(live.in_flight)];
  facts.push(["Connections", connections], ["In flight", flight]);
  const { compared, mismatch, nines, at_least: bound } = live.compare || { compared: 0 };
  if (compared) facts.push(["Compared", f.whole(compared)], ["Mismatches", f.whole(mismatch)], ["Nines", nines === null ? "–" : (bound ? "≥ " : "") + nines]);
  const seen = live.observed ? live.observed.hit + live.observed.miss + live.observed.stale : 0;
  if (seen) facts.push(["Would-be hit ratio", `${((100 * live.observed.hit) / seen).toFixed(1)} %`]);
  $("facts").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  $("caching").hidden = live.caching === "on";
  setText($("caching"), `Caching is ${live.caching}`);
}

function showConnection() {
  $("connection").dataset.state = connection.state;
  document.body.classList.toggle("lost", connection.state === "lost");
  const since = connection.state === "lost" && seen.newest ? ` · no news since ${f.clock(connection.since)}` : "";
  setText($("connection-text"), connection.state === "connected" ? "Live" : connection.state === "lost" ? connection.text + since : "Connecting");
}

const tile = (name, value, unit, more, data) =>
  element("div", { class: "tile", "data-tile": name }, element("h3", {}, name), element("p", { class: "value", "data-value": data }, value, unit ? element("small", {}, unit) : ""), element("p", { class: "more" }, more));

const reads = (r) => r.hit + r.stale + r.miss;

function showTiles(live) {
  const r = live.requests;
  const whole = (l) => OUTCOMES.reduce((n, name) => n + l.requests[name], 0);
  const ratio = seen.ratio((s) => s.live.requests, 60000);
  const sinceStart = reads(r) ? (r.hit + r.stale) / reads(r) : null;
  const [spent, saved] = [seen.rate((l) => l.upstream.reads), seen.rate((l) => l.upstream.reads_saved)];
  const units = seen.rate((l) => l.upstream.units_saved);
  const p99 = live.latency.hit;
  const tiles = [
    tile("Requests", f.rate(seen.rate(whole)), "/s", `${f.short(whole(live))} since the start`, whole(live)),
    tile("Hit ratio", f.ratio(ratio), "", `${f.ratio(sinceStart)} since the start`, sinceStart),
    tile("Reads of DynamoDB", f.rate(spent), "/s", `${f.rate(spent + saved)}/s without the cache`, live.upstream.reads),
    tile("A hit takes", p99.count ? f.ms(p99.p50) : f.DASH, "ms", p99.count ? `${f.ms(p99.p99)} ms at p99` : "none in ten seconds", p99.p50),
    tile("Read units saved", f.rate(units), "/s", `${f.short(live.upstream.units_saved)} since the start`, live.upstream.units_saved),
  ];
  const m = live.money;
  if (m) tiles.push(tile("Money saved", f.money(m.saved_per_month, m.currency), "/month", `${f.money(m.saved_per_hour, m.currency)}/h; ${f.money(m.per_hour, m.currency)}/h spent`, m.saved_per_month));
  if (m && m.would_save_per_month > m.saved_per_month) tiles.push(tile("Would be saved", f.money(m.would_save_per_month, m.currency), "/month", "with what is only observed from the cache", m.would_save_per_month));
  $("tiles").replaceChildren(...tiles);
}

// ---- charts ----

function showOutcomes(live) {
  const parts = { hit: [["near", "held near"], ["negative", "nothing there"]], miss: [["coalesced", "shared another’s read"]] };
  const row = (name, title, of, part) =>
    element(
      "tr",
      { class: part ? "part" : null, "data-outcome": name },
      element("th", { scope: "row", title }, part ? "" : element("i", { class: `swatch of-${name}` }), part ? title : name),
      element("td", { "data-per-second": seen.rate(of) }, f.rate(seen.rate(of))),
      element("td", { "data-total": of(live) }, f.whole(of(live))),
    );
  const rows = OUTCOMES.flatMap((name) => [
    row(name, MEANING[name], (l) => l.requests[name], false),
    ...(parts[name] ?? []).map(([p, title]) => row(p, title, (l) => l.requests[p], true)),
  ]);
  $("outcomes").tBodies[0].replaceChildren(...rows);
}

function swatchKeys(list, entries) {
  list.replaceChildren(...entries.map(([kind, name, value]) => element("li", {}, element("i", { class: `swatch ${kind}` }), element("span", {}, name), element("b", {}, value))));
}

const plotOf = (name) => $(name).parentElement.querySelector(".nothing");
const anything = (series) => series.some((points) => points.some((p) => p.y > 0));

function drawRequests(min, max) {
  const series = OUTCOMES.map((name) => seen.rates((l) => l.requests[name]));
  plots.requests.show(series, min, max);
  nothing(plotOf("requests"), anything(series) ? null : "No requests yet");
}

function drawRatios(min, max) {
  const busiest = [...seen.newest.live.patterns].filter((p) => reads(p) > 0).sort((a, b) => reads(b) - reads(a)).slice(0, charts.LINES);
  const names = busiest.map(nameOf);
  plots.ratios.names(names);
  plots.ratios.show(names.map((name) => seen.ratios((s) => s.patterns.get(name))), min, max);
  swatchKeys($("ratio-keys"), names.map((name, i) => [`line-${i + 1}`, name, f.ratio(seen.ratio((s) => s.patterns.get(name)))]));
  nothing(plotOf("ratios"), names.length ? null : "No table of the configuration has been read yet");
}

function drawUpstream(min, max) {
  const [actual, without] = [(l) => l.upstream.reads, (l) => l.upstream.reads + l.upstream.reads_saved];
  const series = [seen.rates(actual), seen.rates(without)];
  plots.upstream.show(series, min, max);
  const perSecond = (of) => `${f.rate(seen.rate(of))}/s`;
  swatchKeys($("upstream-keys"), [["of-miss", "with the cache", perSecond(actual)], ["of-hit", "without it", perSecond(without)]]);
  nothing(plotOf("upstream"), anything(series) ? null : "Nothing has been read yet");
}

function drawLatency(min, max) {
  const of = (p) => (l) => (l.latency[latencyOf].count ? Math.max(1, l.latency[latencyOf][p]) : null);
  const series = ["p50", "p90", "p99", "p999"].map((p) => seen.values(of(p)));
  plots.latency.show(series, min, max);
  nothing(plotOf("latency"), anything(series) ? null : `No ${latencyOf} in this time`);
  const rows = LATENCIES.map((name) => {
    const band = seen.newest.live.latency[name];
    const cells = ["p50", "p90", "p99", "p999"].map((p) => element("td", { "data-value": band[p] }, band.count ? f.ms(band[p]) : f.DASH));
    return element("tr", { "data-latency": name, class: name === latencyOf ? "chosen" : null }, element("th", { scope: "row" }, name), ...cells);
  });
  $("latencies").tBodies[0].replaceChildren(...rows);
}

// ---- tables ----

// Of what has been observed; null where nothing has.
const wouldBe = (p) => (p.observed_hit + p.observed_miss ? p.observed_hit / (p.observed_hit + p.observed_miss) : null);

function showPatterns(live) {
  const per = (name, what) => seen.rate((l) => l.patterns.find((p) => nameOf(p) === name)?.[what] ?? 0);
  const rate = (what) => (p) => ({ text: f.rate(per(nameOf(p), what)), value: p[what], title: `${f.whole(p[what])} in all` });
  const good = (p) => (reads(p) ? (p.hit + p.stale) / reads(p) : null);
  const columns = [
    ["Table", "text", (p) => p.table],
    ["Pattern", "text", (p) => p.pattern ?? "the table’s own"],
    ["TTL", "number", (p) => f.ttl(p.ttl_ms)],
    ["Hits/s", "number", rate("hit")],
    ["Misses/s", "number", rate("miss")],
    ["Hit ratio", "number", (p) => ({ text: f.ratio(good(p)), value: good(p), part: good(p) ?? 0 })],
    ["Bypassed/s", "number", rate("bypass")],
    ["Writes/s", "number", rate("write")],
    ["Invalidated/s", "number", rate("invalidations")],
    ["Units spent/s", "number", rate("units_spent")],
    ["Of it extra/s", "number", rate("units_extra")],
    ["Units saved/s", "number", rate("units_saved")],
    ["Write units/s", "number", rate("write_units")],
  ];
  const observed = (p) => ({ text: f.ratio(wouldBe(p)), value: wouldBe(p), title: `${f.whole(p.compared)} compared, ${f.whole(p.mismatch)} mismatches` });
  if (live.patterns.some((p) => wouldBe(p) !== null)) columns.push(["Would-be hit ratio", "number", observed]);
  const rows = [...live.patterns].sort((a, b) => reads(b) - reads(a)).slice(0, MOST_ROWS);
  table($("patterns"), columns, rows, "The configuration names no tables, so nothing is cached.");
}

function showTopKeys(live) {
  const most = Math.max(1, ...live.top_keys.map((k) => k.reads));
  const columns = [
    ["Key", "text", (k) => ({ text: k.key ?? k.digest.slice(0, 16), title: k.digest, mono: k.key === null })],
    ["Pattern", "text", nameOf],
    ["Reads", "number", (k) => ({ text: f.short(k.reads), value: k.reads, part: k.reads / most })],
  ];
  table($("top-keys"), columns, live.top_keys.slice(0, 10), "No reads yet");
}

function showEvents(events) {
  const today = f.day(Date.now());
  const rows = [...events].reverse().map((e) => {
    const when = (f.day(e.at) === today ? "" : f.day(e.at) + " ") + f.clock(e.at);
    return element("li", { "data-kind": e.kind }, element("time", { datetime: new Date(e.at).toISOString() }, when), element("span", { class: "kind" }, e.kind), element("span", {}, e.text));
  });
  $("events").replaceChildren(...rows);
  nothing($("events-nothing"), rows.length ? null : "Nothing has happened since the proxy began");
}

function gauge(name, part, text) {
  const meter = element("div", { class: "gauge", role: "meter", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * part) }, element("i"));
  meter.firstChild.style.width = `${Math.min(100, 100 * part)}%`;
  return element("div", { class: "measure" }, element("p", {}, element("span", {}, name), element("b", {}, text)), meter);
}

function showMemory(live) {
  const [m, near] = [live.memory, live.near];
  const parts = [];
  if (m.max_bytes) parts.push(gauge("Cache", m.bytes / m.max_bytes, `${f.bytes(m.bytes)} of ${f.bytes(m.max_bytes)}`));
  if (near) parts.push(gauge("Held near", near.max_bytes ? near.bytes / near.max_bytes : 0, `${f.bytes(near.bytes)} of ${f.bytes(near.max_bytes)}`));
  const facts = [];
  if (m.max_bytes) facts.push(["Entries", f.whole(m.entries), m.entries], ["Evicted/s", f.rate(seen.rate((l) => l.memory.evictions)), m.evictions]);
  if (near) facts.push(["Entries near", f.whole(near.entries), near.entries]);
  const shut = live.breakers.filter((b) => b === "closed" || b === "serving").length;
  if (live.breakers.length) facts.push([`Connections to ${live.store}`, live.breakers.every((b) => b === live.breakers[0]) ? live.breakers[0] : `${shut} of ${live.breakers.length} serving`, null]);
  if (!parts.length && !facts.length) parts.push(element("p", { class: "empty" }, `What ${live.store} holds isn’t known here`));
  const list = element("dl", { class: "pairs" }, ...facts.flatMap(([name, text, value]) => [element("dt", {}, name), element("dd", { "data-fact": name, "data-value": value }, text)]));
  $("memory").replaceChildren(...parts, list);
}

function showStreams(live) {
  const columns = [
    ["Table", "text", ([name]) => name],
    ["Behind", "number", ([, s]) => ({ text: s.lag_ms === null ? "not known" : f.duration(s.lag_ms), value: s.lag_ms, state: s.in_bounds ? "good" : "bad", title: s.in_bounds ? "in bounds" : "out of bounds: reads bypass the cache" })],
    ["Fresh as of", "number", ([, s]) => (s.fresh_as_of === null ? f.DASH : f.clock(s.fresh_as_of))],
    ["Records", "number", ([, s]) => ({ text: f.short(s.records), value: s.records })],
  ];
  table($("streams"), columns, Object.entries(live.streams), 'No table’s stream is followed; "stream": "follow" in a table’s configuration does that');
}

function showReasons(live) {
  const of = (kind, object) => Object.entries(object).filter(([, n]) => n > 0).map(([reason, n]) => ({ kind, reason, n }));
  const rows = [...of("bypass", live.bypasses), ...of("fill", live.refused_fills)].sort((a, b) => b.n - a.n);
  const columns = [
    ["What", "text", (r) => (r.kind === "fill" ? "fill refused" : "bypass")],
    ["Reason", "text", (r) => r.reason],
    ["In all", "number", (r) => ({ text: f.short(r.n), value: r.n })],
  ];
  table($("reasons"), columns, rows.slice(0, 12), "None");
}

// ---- the page ----

let advice;

function draw() {
  drawing = false;
  showConnection();
  if (!seen.newest) return;
  const { live } = seen.newest;
  const max = live.at;
  const min = max - seen.span(minutes) * 60000;
  showHead(live);
  showTiles(live);
  showOutcomes(live);
  drawRequests(min, max);
  drawRatios(min, max);
  drawUpstream(min, max);
  drawLatency(min, max);
  advice.show(live.advice);
  showPatterns(live);
  showTopKeys(live);
  showEvents(live.events);
  showMemory(live);
  showStreams(live);
  showReasons(live);
  $("content").setAttribute("aria-busy", "false");
  document.body.dataset.at = live.at; // whose numbers these are
}

// At most once a frame, and not at all while nobody looks.
function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(draw);
}

function askToken(wasWrong) {
  $("ask-wrong").hidden = !wasWrong;
  $("token").value = "";
  $("ask").showModal();
  $("token").focus();
  return new Promise((given) => {
    $("ask-form").onsubmit = (e) => {
      e.preventDefault();
      $("ask").close();
      given($("token").value);
    };
  });
}

function dressed(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function chooseTheme() {
  const first = localStorage.getItem(THEME) ?? "auto";
  dressed(first);
  choice($("theme"), "theme", first, (theme) => {
    localStorage.setItem(THEME, theme);
    dressed(theme);
    charts.restyleAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.restyleAll());
}

function begin() {
  chooseTheme();
  $("latency-of").append(...LATENCIES.map((name) => element("button", { type: "button", "data-of": name }, name)));
  choice($("latency-of"), "of", latencyOf, (name) => ((latencyOf = name), drawSoon()));
  choice($("span"), "minutes", String(minutes), (n) => ((minutes = Number(n)), drawSoon()));
  plots.requests = charts.stacked($("requests"), OUTCOMES);
  plots.ratios = charts.ratios($("ratios"));
  plots.upstream = charts.upstream($("upstream"));
  plots.latency = charts.bands($("latency"));
  advice = new Advice($("advice"), $("advice-nothing"));
  follow({
    live: (live) => (seen.add(live), drawSoon()),
    event: (e) => (seen.newest?.live.events.push(e), drawSoon()),
    state: (state, text) => {
      if (state !== connection.state) connection = { state, since: Date.now(), text };
      connection.text = text;
      drawSoon();
    },
    token: askToken,
  });
}

begin();
