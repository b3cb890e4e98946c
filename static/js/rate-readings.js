// What the drafting critic measured over the clip: faint lines in the timeline, loaded once the clip can be seen.

import { getJson } from "./rate-site.js";

/** @typedef {{ name: string, points: string, summary: string }} Lane has points in percent of the clip, and from 0 to 20 */

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 22;

/**
 * @param {HTMLElement} timeline
 * @param {string} url
 * @param {AbortSignal} signal
 */
export async function showReadings(timeline, url, signal) {
  const found = await getJson(url, signal);
  if (!found) return;
  /** @type {Lane[]} */
  const lanes = found.lanes;
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "rate-readings");
  picture.setAttribute("viewBox", `0 0 100 ${HEIGHT * lanes.length}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", lanes.map((lane) => lane.summary).join(" "));
  lanes.forEach((lane, index) => {
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", lane.points);
    line.setAttribute("transform", `translate(0 ${HEIGHT * index + 1})`);
    picture.append(line);
  });
  timeline.prepend(picture);
}
