// The charts, drawn by Chart.js (a global of chart.min.js). Colours and type are the style sheet's.
import { clock, ms, number, ratio, short } from "./format.js";

const all = new Set();

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// A CSS colour of six hexadecimal digits, let through.
const faint = (name, share) => colour(name) + Math.round(share * 255).toString(16).padStart(2, "0");

const TICKS = [15, 30, 60, 180]; // seconds between them

const before = (ago) => (ago === 0 ? "now" : ago % 60 ? `−${ago} s` : `−${ago / 60} min`);

function timeAxis() {
  return {
    type: "linear",
    min: -60000,
    max: 0,
    grid: { display: false },
    ticks: { maxRotation: 0, callback: (_, i, ticks) => before(ticks[i].ago) },
    afterBuildTicks: (axis) => {
      const span = (axis.max - axis.min) / 1000;
      const step = TICKS.find((s) => span / s <= 6);
      axis.ticks = [];
      for (let ago = span - (span % step); ago >= 0; ago -= step) axis.ticks.push({ value: axis.max - ago * 1000, ago });
    },
  };
}

function options(y, tooltip) {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    parsing: false,
    normalized: true,
    interaction: { mode: "index", axis: "x", intersect: false },
    elements: { point: { radius: 0, hitRadius: 6, hoverRadius: 3 }, line: { borderWidth: 2, borderJoinStyle: "round" } },
    layout: { padding: { top: 6, right: 10 } },
    plugins: { legend: { display: false }, tooltip: { boxPadding: 4, usePointStyle: true, ...tooltip } },
    scales: { x: timeAxis(), y: { border: {}, ...y } },
  };
}

const atTime = { title: (items) => (items.length ? clock(items[0].parsed.x) : "") };

function themed(chart) {
  const { scales, plugins } = chart.options;
  for (const axis of Object.values(scales)) {
    axis.ticks.color = colour("muted");
    axis.grid = { ...axis.grid, color: colour("line"), borderColor: colour("line"), drawTicks: false };
    axis.ticks.padding = 8;
    if (axis.title) axis.title.color = colour("muted");
  }
  Object.assign(plugins.tooltip, {
    backgroundColor: colour("raised"),
    borderColor: colour("edge"),
    borderWidth: 1,
    titleColor: colour("muted"),
    bodyColor: colour("text"),
    padding: 10,
  });
}

// paint(chart) sets the colours of its data; run again when they change.
export class Plot {
  constructor(canvas, settings, paint) {
    const style = getComputedStyle(document.body);
    Chart.defaults.font.family = style.fontFamily;
    Chart.defaults.font.size = 12;
    this.paint = paint;
    this.chart = new Chart(canvas, settings);
    this.restyle();
    all.add(this);
  }

  restyle() {
    themed(this.chart);
    this.paint?.(this.chart);
    this.chart.update("none");
  }

  // series: as many arrays of points as it has data sets.
  show(series, min, max) {
    series.forEach((points, i) => (this.chart.data.datasets[i].data = points));
    if (min !== undefined) Object.assign(this.chart.options.scales.x, { min, max });
    this.chart.update("none");
  }

  end() {
    all.delete(this);
    this.chart.destroy();
  }
}

export function restyleAll() {
  for (const plot of all) plot.restyle();
}

const perSecond = { beginAtZero: true, suggestedMax: 1, ticks: { maxTicksLimit: 6, callback: (v) => short(v) } };

export function stacked(canvas, names) {
  const datasets = names.map((name, i) => ({ label: name, fill: i === 0 ? "origin" : "-1", data: [], stack: "one" }));
  const tooltip = {
    itemSort: (a, b) => b.datasetIndex - a.datasetIndex,
    filter: (item) => item.parsed.y > 0,
    callbacks: { ...atTime, label: (item) => ` ${item.dataset.label}  ${number(item.parsed.y)}/s` },
  };
  const settings = { type: "line", data: { datasets }, options: options({ ...perSecond, stacked: true }, tooltip) };
  return new Plot(canvas, settings, (chart) =>
    chart.data.datasets.forEach((d) => {
      d.backgroundColor = faint(d.label, 0.82);
      d.borderColor = colour("surface");
      d.borderWidth = 0.75;
      d.pointBackgroundColor = d.pointBorderColor = colour(d.label);
    }),
  );
}

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [5, 5], [1, 4]];
export const LINES = DASHES.length;

// Lines that may come and go: `names(labels)` says which there are.
export function ratios(canvas) {
  const y = { min: 0, max: 1, ticks: { stepSize: 0.25, callback: (v) => `${v * 100} %` } };
  const tooltip = { callbacks: { ...atTime, label: (item) => ` ${item.dataset.label}  ${ratio(item.parsed.y)}` } };
  const plot = new Plot(canvas, { type: "line", data: { datasets: [] }, options: options(y, tooltip) }, (chart) =>
    chart.data.datasets.forEach((d, i) => {
      d.borderColor = d.pointBackgroundColor = d.backgroundColor = colour(`series-${i + 1}`);
    }),
  );
  plot.names = (labels) => {
    const now = plot.chart.data.datasets.map((d) => d.label);
    if (now.join("\n") === labels.join("\n")) return;
    plot.chart.data.datasets = labels.map((label, i) => ({ label, data: [], borderDash: DASHES[i] }));
    plot.restyle();
  };
  return plot;
}

export function upstream(canvas) {
  const datasets = [
    { label: "with the cache", data: [], fill: "origin" },
    { label: "without it", data: [], fill: "-1", borderDash: [6, 4] },
  ];
  const tooltip = { callbacks: { ...atTime, label: (item) => ` ${item.dataset.label}  ${number(item.parsed.y)}/s` } };
  return new Plot(canvas, { type: "line", data: { datasets }, options: options(perSecond, tooltip) }, (chart) => {
    const [actual, without] = chart.data.datasets;
    actual.borderColor = actual.pointBackgroundColor = colour("miss");
    actual.backgroundColor = faint("miss", 0.3);
    without.borderColor = without.pointBackgroundColor = colour("hit");
    without.backgroundColor = faint("hit", 0.12);
  });
}

// One, two and five times powers of ten: what a logarithmic axis is read by.
function decades(axis) {
  const steps = [];
  for (let i = Math.floor(Math.log10(axis.min)); 10 ** i <= axis.max; i++) steps.push(10 ** i, 2 * 10 ** i, 5 * 10 ** i);
  const inside = steps.filter((v) => v >= axis.min * 0.999 && v <= axis.max * 1.001);
  const round = inside.filter((v) => Number.isInteger(Math.log10(v)));
  axis.ticks = (inside.length > 7 ? round : inside).map((value) => ({ value }));
}

const PERCENTILES = ["p50", "p90", "p99", "p999"];

export function bands(canvas) {
  const labels = { p50: "p50", p90: "p90", p99: "p99", p999: "p99.9" };
  const datasets = PERCENTILES.map((name, i) => ({ label: labels[name], data: [], fill: i === 0 ? false : "-1" }));
  const y = {
    type: "logarithmic",
    afterBuildTicks: decades,
    title: { display: false },
    ticks: { callback: (us) => (us < 1000 ? `${us} µs` : us < 1e6 ? `${us / 1000} ms` : `${us / 1e6} s`) },
  };
  const tooltip = {
    itemSort: (a, b) => b.datasetIndex - a.datasetIndex,
    callbacks: { ...atTime, label: (item) => ` ${item.dataset.label}  ${ms(item.parsed.y)} ms` },
  };
  return new Plot(canvas, { type: "line", data: { datasets }, options: options(y, tooltip) }, (chart) =>
    chart.data.datasets.forEach((d, i) => {
      d.borderColor = d.pointBackgroundColor = faint("series-1", [1, 0.6, 0.4, 0.25][i]);
      d.borderWidth = i === 0 ? 2.5 : 1;
      d.backgroundColor = faint("series-1", [0, 0.34, 0.2, 0.1][i]);
    }),
  );
}

const GRID_TTLS = [1e3, 1e4, 6e4, 6e5, 36e5, 864e5];
const GRID_NAMES = { 1e3: "1s", 1e4: "10s", 6e4: "1m", 6e5: "10m", 36e5: "1h", 864e5: "24h" };

// Vertical lines through what is marked.
const markLines = {
  id: "markLines",
  beforeDatasetsDraw(chart) {
    const { ctx, chartArea } = chart;
    chart.data.datasets.slice(1).forEach((d, i) => {
      const point = chart.getDatasetMeta(i + 1).data[0];
      if (!point) return;
      ctx.save();
      ctx.strokeStyle = d.borderColor;
      ctx.lineWidth = 1;
      ctx.setLineDash([3, 3]);
      ctx.beginPath();
      ctx.moveTo(point.x, chartArea.top);
      ctx.lineTo(point.x, chartArea.bottom);
      ctx.stroke();
      ctx.restore();
    });
  },
};

// Hit ratio by TTL; its data sets are the curve, the point in force and the recommended one.
export function curve(canvas, describe) {
  const datasets = [
    { label: "hit ratio", data: [], order: 3, fill: "origin", cubicInterpolationMode: "monotone" },
    { label: "in force", data: [], order: 1, clip: false, pointStyle: "circle", pointRadius: 5, pointHoverRadius: 6 },
    { label: "recommended", data: [], order: 0, clip: false, pointStyle: "rectRot", pointRadius: 7, pointHoverRadius: 8 },
  ];
  const y = { min: 0, max: 1, ticks: { stepSize: 0.25, callback: (v) => `${v * 100} %` } };
  const tooltip = { filter: (item) => item.datasetIndex === 0, callbacks: { title: () => "", label: (item) => describe(item.dataIndex) } };
  const o = options(y, tooltip);
  o.interaction = { mode: "nearest", axis: "x", intersect: false };
  o.scales.x = {
    type: "logarithmic",
    grid: {},
    afterBuildTicks: (axis) => (axis.ticks = GRID_TTLS.filter((v) => v >= axis.min && v <= axis.max).map((value) => ({ value }))),
    ticks: { maxRotation: 0, autoSkip: false, callback: (v) => GRID_NAMES[v] },
  };
  return new Plot(canvas, { type: "line", data: { datasets }, options: o, plugins: [markLines] }, (chart) => {
    const [line, current, better] = chart.data.datasets;
    line.borderColor = line.pointBackgroundColor = colour("series-1");
    line.backgroundColor = faint("series-1", 0.1);
    current.borderColor = current.pointBorderColor = colour("muted");
    current.pointBackgroundColor = colour("surface");
    current.pointBorderWidth = 2;
    better.borderColor = better.pointBackgroundColor = better.pointBorderColor = colour("good");
  });
}
