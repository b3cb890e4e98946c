// The page on which a rater edits one of their ratings: the same player and axes, and a plain submit.

import { AxisForm } from "./rate-axis.js";
import { announce } from "./rate-site.js";
import { Player } from "./rate-player.js";
import { Viewing } from "./rate-viewing.js";

const { signal } = new AbortController();
const root = document.querySelector("[data-edit]");
for (const node of root.querySelectorAll("[data-needs-script]")) node.hidden = false;
const say = (words) => announce(document.querySelector("[data-status]"), words);
const player = new Player(root.querySelector("[data-player-root]"), signal, say);

const axes = [];
const paint = () => player.paintBands(
  axes.flatMap((axis) => axis.evidence).filter((piece) => piece.time).map(({ time: [start, end] }) => ({ start, end })),
);
const page = { changed: paint, say, jump: (piece) => { if (piece.time) player.showAt(piece.time[0]); } };
for (const axis of root.querySelectorAll("[data-axis]")) axes.push(new AxisForm(axis, page, signal));
paint();

// The edit has a viewing record and seconds of its own.
const viewing = new Viewing(player, signal);
root.querySelector("[data-form]").addEventListener("formdata", ({ formData }) => {
  formData.set("viewing", JSON.stringify(viewing.record()));
  formData.set("seconds", viewing.seconds.toFixed(1));
});
