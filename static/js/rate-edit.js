// The page on which a rater edits one of their ratings: the same player and axes, and a plain submit.

import { AxisForm, listBands } from "./rate-axis.js";
import { announce, find, findAll } from "./rate-site.js";
import { Player } from "./rate-player.js";
import { Viewing } from "./rate-viewing.js";

const { signal } = new AbortController();
const root = find(document, "[data-edit]");
for (const node of findAll(root, "[data-needs-script]")) node.hidden = false;
/** @param {string} words */
const say = (words) => announce(find(document, "[data-status]"), words);
const player = new Player(find(root, "[data-player-root]"), signal, say);

/** @type {AxisForm[]} */
const axes = [];
const paint = () => player.paintBands(listBands(axes));
/** @type {import("./rate-axis.js").AxisPage} */
const page = { changed: paint, say, jump: (mark) => { if (mark.time) player.showAt(mark.time[0]); } };
for (const axis of findAll(root, "[data-axis]")) axes.push(new AxisForm(axis, page, signal));
paint();

// The edit has its own viewing record and seconds.
const viewing = new Viewing(player, signal);
find(root, "[data-form]").addEventListener("formdata", ({ formData }) => {
  formData.set("viewing", JSON.stringify(viewing.record()));
  formData.set("seconds", viewing.seconds.toFixed(1));
});
