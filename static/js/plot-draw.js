// Draws a plot with Chart.js in the colours and the font of the page, and saves it as a picture or a table.
// The library comes as a script of its own, loaded by plots.js.

import { listNames, listSeries, writeCsv } from "./plot-data.js";

/**
 * @typedef {import("./plot-data.js").Plot} Plot
 * @typedef {import("./plot-data.js").Point} Point
 * @typedef {import("./plot-data.js").Series} Series
 * @typedef {import("./plot-data.js").Side} Side
 */

/**
 * What is used of Chart.js.
 * @typedef {{ getPixelForValue: (value: number) => number }} ChartScale
 * @typedef {{ destroy: () => void, ctx: CanvasRenderingContext2D, width: number, height: number,
 *   scales: Record<"x" | "y", ChartScale>, chartArea: Record<"left" | "right" | "top" | "bottom", number>,
 *   data: { datasets: { data: Point[], borderColor: string }[] }, isDatasetVisible: (index: number) => boolean }} Chart
 * @typedef {{ new (canvas: HTMLCanvasElement, config: object): Chart, getChart: (canvas: HTMLCanvasElement) => Chart | undefined,
 *   defaults: { font: { family: string } } }} ChartType
 * @typedef {{ ink: string, muted: string, line: string, surface: string, font: string }} Look
 */

const SHAPES = ["circle", "rectRot", "triangle", "rect"]; // beside colour, so that nobody needs to tell colours apart
const PICTURE = { width: 960, height: 540, ratio: 2 };

/**
 * @param {HTMLElement} figure
 * @param {HTMLElement} area
 */
export async function drawPlot(figure, area) {
  const plot = readPlot(figure);
  const { Chart } = /** @type {{ Chart: ChartType }} */ (/** @type {unknown} */ (globalThis));
  await document.fonts.ready;
  const before = area.querySelector("canvas");
  if (before) Chart.getChart(before)?.destroy();
  const canvas = document.createElement("canvas");
  area.replaceChildren(canvas);
  const look = readLook(figure);
  Chart.defaults.font.family = look.font;
  new Chart(canvas, configure(plot, figure, look, {}));
  for (const button of figure.querySelectorAll("button[data-save]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.disabled = false;
    button.onclick = () => save(button.dataset.save ?? "", plot, figure, Chart);
  }
}

/**
 * @param {HTMLElement} figure
 * @returns {Plot}
 */
function readPlot(figure) {
  return JSON.parse(figure.dataset.plot ?? "");
}

// ---- looks

/**
 * Read colours as the browser resolves them: a canvas does not know the variables of a style sheet.
 * @param {HTMLElement} figure
 * @returns {Look}
 */
function readLook(figure) {
  const [ink, muted, line, surface] = ["--ink", "--muted", "--line", "--surface"].map((name) => readColour(figure, name));
  return { ink, muted, line, surface, font: getComputedStyle(figure).fontFamily };
}

/**
 * @param {HTMLElement} figure
 * @param {...string} names of variables; the first that is defined counts
 */
function readColour(figure, ...names) {
  const sample = document.createElement("span");
  sample.style.color = names.reduceRight((rest, name) => `var(${name}${rest ? `, ${rest}` : ""})`, "");
  figure.append(sample);
  const { color } = getComputedStyle(sample);
  sample.remove();
  return color;
}

// ---- the chart

/**
 * @param {Plot} plot
 * @param {HTMLElement} figure
 * @param {Look} look
 * @param {object} options more options of Chart.js
 */
function configure(plot, figure, look, options) {
  const series = listSeries(plot);
  const names = listNames(plot);
  return {
    type: plot.mark === "bar" ? "bar" : "scatter",
    data: { labels: names, datasets: series.map((one, index) => makeDataset(one, index, plot, figure)) },
    options: {
      animation: false,
      maintainAspectRatio: false,
      normalized: true,
      locale: document.documentElement.lang,
      color: look.ink,
      scales: { x: makeScale(plot.x, look, names, plot), y: makeScale(plot.y, look, names, plot) },
      interaction: { mode: "nearest", intersect: plot.mark === "point", axis: plot.mark === "point" ? "xy" : "x" },
      plugins: {
        legend: { display: series.length > 1, position: "bottom", labels: { usePointStyle: true, boxHeight: 7, color: look.ink } },
        tooltip: { animation: false, callbacks: { title: () => "", label: describe(plot) } },
      },
      ...options,
    },
    plugins: [paintGround(look), drawDiagonal(plot, look), drawWhiskers(plot)],
  };
}

/**
 * @param {Series} series
 * @param {number} index
 * @param {Plot} plot
 * @param {HTMLElement} figure
 */
function makeDataset(series, index, plot, figure) {
  const colour = readColour(figure, ...(series.name ? [`--${series.name}`] : []), "--axis", "--accent");
  const isLine = plot.mark === "line";
  return {
    label: series.name,
    data: series.points,
    borderColor: colour,
    backgroundColor: colour,
    pointStyle: SHAPES[index % SHAPES.length],
    pointRadius: isLine ? 0 : series.points.length > 100 ? 2 : 4,
    pointHoverRadius: 5,
    borderWidth: isLine ? 1.5 : 1,
    showLine: isLine,
    clip: 6, // a mark on the end of a scale is seen whole
    maxBarThickness: 48,
  };
}

/**
 * @param {Side} side
 * @param {Look} look
 * @param {string[]} names
 * @param {Plot} plot
 */
function makeScale(side, look, names, plot) {
  const isOfNames = side.scale === "names";
  const colours = { color: look.muted };
  const common = {
    title: { display: Boolean(side.label), text: side.label, ...colours },
    border: { color: look.line },
  };
  if (isOfNames && plot.mark === "bar") return { ...common, type: "category", grid: { display: false }, ticks: colours };
  if (side.scale === "ranks") return { ...common, min: -1, max: plot.rows.length, grid: { display: false }, ticks: { display: false } };
  if (isOfNames) {
    const ticks = { ...colours, stepSize: 1, autoSkip: false, callback: (/** @type {number} */ at) => shorten(names[at] ?? "") };
    return { ...common, min: -0.5, max: names.length - 0.5, reverse: true, grid: { display: false }, ticks, afterBuildTicks: setTicks(names.length) };
  }
  const grid = { color: (/** @type {{ tick?: { value: number } }} */ { tick }) => (tick?.value === 0 && side.low !== 0 ? look.muted : look.line) };
  const ticks = {
    ...colours,
    ...(side.step ? { stepSize: side.step } : {}),
    precision: plot.mark === "bar" ? 0 : undefined,
    callback: (/** @type {number} */ value, /** @type {number} */ _at, /** @type {{ value: number }[]} */ all) => writeTick(value, all),
  };
  const ends = { ...(side.low === null ? {} : { min: side.low }), ...(side.high === null ? {} : { max: side.high }) };
  return { ...common, type: "linear", grid, ticks, ...ends };
}

/** @param {number} count */
function setTicks(count) {
  return (/** @type {{ ticks: { value: number }[] }} */ scale) => {
    scale.ticks = Array.from({ length: count }, (_, value) => ({ value }));
  };
}

/**
 * Write the number of a tick; a scale of tiny numbers (learning rates) has powers of ten.
 * @param {number} value
 * @param {{ value: number }[]} ticks
 */
function writeTick(value, ticks) {
  const isTiny = ticks.every((tick) => Math.abs(tick.value) < 0.001);
  const notation = isTiny && value !== 0 ? "scientific" : "standard";
  return new Intl.NumberFormat(document.documentElement.lang, { notation, maximumSignificantDigits: 4 }).format(value);
}

/** @param {string} name */
function shorten(name) {
  return name.length > 24 ? `${name.slice(0, 23)}…` : name;
}

/** @param {Plot} plot */
function describe(plot) {
  const format = new Intl.NumberFormat(document.documentElement.lang, { maximumSignificantDigits: 4 });
  const value = "y" in plot.columns ? "y" : "x";
  return (/** @type {{ raw: Point, dataset: { label: string } }} */ { raw, dataset }) => {
    const name = [dataset.label, raw.label].filter(Boolean).join(", ");
    const given = "x" in plot.columns && value === "y" ? `${plot.columns.x} ${format.format(raw.x)}, ` : "";
    const ends = raw.low === null || raw.high === null ? "" : ` [${format.format(raw.low)}, ${format.format(raw.high)}]`;
    return `${name ? `${name}: ` : ""}${given}${plot.columns[value]} ${format.format(raw[value])}${ends}`;
  };
}

// ---- what Chart.js does not draw

/** @param {Look} look */
function paintGround(look) {
  return {
    id: "ground",
    beforeDraw(/** @type {Chart} */ { ctx, width, height }) {
      ctx.save();
      ctx.fillStyle = look.surface;
      ctx.fillRect(0, 0, width, height);
      ctx.restore();
    },
  };
}

/**
 * @param {Plot} plot
 * @param {Look} look
 */
function drawDiagonal(plot, look) {
  return {
    id: "diagonal",
    beforeDatasetsDraw(/** @type {Chart} */ { ctx, chartArea }) {
      if (!plot.diagonal) return;
      ctx.save();
      ctx.strokeStyle = look.muted;
      ctx.setLineDash([2, 4]);
      ctx.beginPath();
      ctx.moveTo(chartArea.left, chartArea.bottom);
      ctx.lineTo(chartArea.right, chartArea.top);
      ctx.stroke();
      ctx.restore();
    },
  };
}

/**
 * Intervals: a line from end to end, with caps where marks are few.
 * @param {Plot} plot
 */
function drawWhiskers(plot) {
  const isUpright = "y" in plot.columns;
  const cap = plot.rows.length > 100 ? 0 : 3;
  return {
    id: "whiskers",
    beforeDatasetsDraw(/** @type {Chart} */ chart) {
      const { ctx, scales } = chart;
      const along = isUpright ? scales.y : scales.x;
      ctx.save();
      ctx.lineWidth = 1.5;
      ctx.globalAlpha = 0.6;
      for (const [index, { data, borderColor }] of chart.data.datasets.entries()) {
        if (!chart.isDatasetVisible(index)) continue;
        ctx.strokeStyle = borderColor;
        ctx.beginPath();
        for (const { x, y, low, high } of data) {
          if (low === null || high === null) continue;
          const across = isUpright ? scales.x.getPixelForValue(x) : scales.y.getPixelForValue(y);
          for (const end of [low, high].map((value) => along.getPixelForValue(value))) {
            trace(ctx, isUpright, [across - cap, end], [across + cap, end]);
          }
          trace(ctx, isUpright, [across, along.getPixelForValue(low)], [across, along.getPixelForValue(high)]);
        }
        ctx.stroke();
      }
      ctx.restore();
    },
  };
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {boolean} isUpright whether points are (across, along) or (along, across)
 * @param {[number, number]} from
 * @param {[number, number]} to
 */
function trace(ctx, isUpright, from, to) {
  ctx.moveTo(...(isUpright ? from : /** @type {[number, number]} */ ([from[1], from[0]])));
  ctx.lineTo(...(isUpright ? to : /** @type {[number, number]} */ ([to[1], to[0]])));
}

// ---- to take away

/**
 * @param {string} kind
 * @param {Plot} plot
 * @param {HTMLElement} figure
 * @param {ChartType} Chart
 */
async function save(kind, plot, figure, Chart) {
  const file = kind === "csv" ? new Blob([writeCsv(plot)], { type: "text/csv" }) : await paintPicture(plot, figure, Chart);
  if (!file) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${plot.id.replace(/^plot-/, "")}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Draw the plot once more, large and with its title, and return it as a PNG.
 * @param {Plot} plot
 * @param {HTMLElement} figure
 * @param {ChartType} Chart
 * @returns {Promise<Blob | null>}
 */
function paintPicture(plot, figure, Chart) {
  const canvas = document.createElement("canvas");
  canvas.width = PICTURE.width;
  canvas.height = PICTURE.height;
  const look = readLook(figure);
  const config = configure(plot, figure, look, { responsive: false, devicePixelRatio: PICTURE.ratio, layout: { padding: 16 } });
  const titles = { title: { display: true, text: plot.title, color: look.ink }, subtitle: { display: Boolean(plot.note), text: plot.note, color: look.muted } };
  Object.assign(config.options.plugins, titles);
  const chart = new Chart(canvas, config);
  return new Promise((resolve) => {
    canvas.toBlob((blob) => {
      chart.destroy();
      resolve(blob);
    });
  });
}
