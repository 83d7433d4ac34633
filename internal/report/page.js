(() => {
  "use strict";
  const root = document.documentElement;
  const toggle = document.getElementById("theme");
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => { toggle.textContent = dark() ? "Light" : "Dark"; };
  toggle.hidden = false;
  toggle.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
  label();

  const doc = JSON.parse(document.getElementById("document").textContent);
  const rates = (doc.summary && doc.summary.rates) || [];
  const two = n => String(n).padStart(2, "0");
  const clock = ns => {
    const s = Math.round(ns / 1e9), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
  };
  const wait = s => s < 1 ? `${(s * 1000).toPrecision(3)} ms` : `${s.toPrecision(3)} s`;
  const words = {
    rates: p => `${clock(p.at_ns)}: offered ${p.offered.toFixed(2)}/s, acknowledged ${p.acked.toFixed(2)}/s, answered ${p.answered.toFixed(2)}/s, in flight ${p.in_flight.toFixed(1)}` + (p.failed ? `, ${p.failed} failed` : ""),
    replies: p => `${clock(p.at_ns)}: ` + (p.n ? `p50 ${wait(p.reply_p50)}, p95 ${wait(p.reply_p95)}, ${p.n} turns` : "no turns"),
  };
  // A picture may join several points into one where messages are few.
  const joined = (i, size) => {
    const group = rates.slice(i - i % size, i - i % size + size);
    const mean = name => group.reduce((sum, p) => sum + p[name], 0) / group.length;
    const total = group.reduce((sum, p) => sum + p.failed, 0);
    return { ...group[0], offered: mean("offered"), acked: mean("acked"), answered: mean("answered"), in_flight: mean("in_flight"), failed: total };
  };
  // What a cell of the heat map stands for.
  const heat = doc.summary && doc.summary.heat;
  const cell = (data, at, y) => {
    const column = Math.floor(at / heat.width_ns), first = +data.first, last = +data.last;
    if (column < 0 || column >= heat.counts.length) { return ""; }
    const from = `${clock(column * heat.width_ns)} to ${clock((column + 1) * heat.width_ns)}: `;
    const row = last - Math.floor((y - data.top) / data.cell);
    if (row > last) { return from + `${heat.unanswered[column]} never answered`; }
    if (row < first) { return ""; }
    const span = row === heat.edges.length - 2 ? `more than ${wait(heat.edges[row])}` : `${wait(heat.edges[row])} to ${wait(heat.edges[row + 1])}`;
    return from + `${heat.counts[column][row]} turns waited ${span}`;
  };
  for (const svg of document.querySelectorAll("svg[data-plot]")) {
    const { plot, x0, x1, seconds, join } = svg.dataset;
    const cursor = svg.querySelector(".cursor");
    const read = svg.closest("figure").querySelector(".read");
    svg.addEventListener("pointermove", event => {
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      const at = (x - x0) / (x1 - x0) * seconds * 1e9;
      const i = rates.findIndex(p => at >= p.at_ns && at < p.at_ns + p.width_ns);
      const y = (event.clientY - box.top) / box.height * svg.viewBox.baseVal.height;
      const text = plot === "heat" ? cell(svg.dataset, at, y) : i < 0 ? "" : words[plot](join > 1 ? joined(i, +join) : rates[i]);
      if (!text) { return; }
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      cursor.classList.add("on");
      read.textContent = text;
    });
    svg.addEventListener("pointerleave", () => { cursor.classList.remove("on"); read.textContent = ""; });
  }
})();
