// The figures of a plot: what the site sends, where the marks are, and the CSV file.

/**
 * @typedef {string | number | null} Cell
 * @typedef {{ label: string, scale: "numbers" | "names" | "ranks", low: number | null, high: number | null, step: number | null }} Side
 * @typedef {{
 *   id: string, title: string, note: string, mark: "point" | "line" | "bar", columns: Record<string, string>,
 *   rows: Cell[][], x: Side, y: Side, diagonal: boolean,
 * }} Plot `annotation.shared.plots.Plot`
 * @typedef {{ x: number, y: number, low: number | null, high: number | null, label: string }} Point
 * @typedef {{ name: string, points: Point[] }} Series
 */

const BYTE_ORDER_MARK = "\ufeff"; // without it, Excel takes UTF-8 for an old code page
const FORMULA = /^ *[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/; // the signs of qsave/spreadsheets.py
const APART = 0.22; // between series on a scale of names

/**
 * Return the names of a scale of names, in the order of the rows.
 * @param {Plot} plot
 */
export function listNames(plot) {
  const at = Object.keys(plot.columns).indexOf("label");
  return at < 0 ? [] : [...new Set(plot.rows.map((row) => String(row[at])))];
}

/**
 * Return the points of each series. On a scale of names, the series of one name are side by side.
 * @param {Plot} plot
 * @returns {Series[]}
 */
export function listSeries(plot) {
  const roles = Object.keys(plot.columns);
  const names = new Map(listNames(plot).map((name, index) => [name, index]));
  const titles = [...new Set(plot.rows.map((row) => String(row[roles.indexOf("series")] ?? "")))];
  const series = titles.map((name) => ({ name, points: /** @type {Point[]} */ ([]) }));
  for (const [rank, row] of plot.rows.entries()) {
    const cells = Object.fromEntries(roles.map((role, index) => [role, row[index] ?? null]));
    const number = titles.indexOf(String(cells.series ?? ""));
    const label = String(cells.label ?? "");
    const beside = (names.get(label) ?? 0) + (number - (titles.length - 1) / 2) * APART;
    const place = plot.mark === "bar" || plot.x.scale === "ranks" ? rank : beside;
    series[number]?.points.push({
      x: Number(cells.x ?? place),
      y: Number(cells.y ?? place),
      low: readNumber(cells.low),
      high: readNumber(cells.high),
      label,
    });
  }
  return series;
}

/** @param {Cell | undefined} cell */
function readNumber(cell) {
  return typeof cell === "number" ? cell : null;
}

/** @param {Plot} plot */
export function writeCsv(plot) {
  const lines = [Object.values(plot.columns), ...plot.rows];
  return BYTE_ORDER_MARK + lines.map((line) => `${line.map(writeCell).join(",")}\r\n`).join("");
}

/** @param {Cell} cell */
function writeCell(cell) {
  if (typeof cell !== "string") return String(cell ?? "");
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
