// What a person sees of the page, found out by the browser's own layout and style.
(() => {
  "use strict";
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  // Any CSS colour as [r, g, b, a], by painting it.
  const colour = css => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = "#0000";
    brush.fillStyle = css;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = c => {
    const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // WCAG 2.2, relative luminance and contrast ratio.
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const visible = e => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && e.getClientRects().length > 0;
  const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
  const backgroundOf = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) { layers.push(colour(getComputedStyle(e).backgroundColor)); }
    return layers.reverse().reduce((below, top) => over(top, below), dark() ? [18, 18, 18, 1] : [255, 255, 255, 1]);
  };
  // What a text in a picture stands on: the last shape painted before it that covers its middle.
  const paintedUnder = text => {
    let ground = backgroundOf(text.closest("svg").parentElement);
    const box = text.getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    for (const shape of text.closest("svg").querySelectorAll("rect")) {
      if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING) || shape.closest("defs")) { continue; }
      const b = shape.getBoundingClientRect(), style = getComputedStyle(shape);
      if (x < b.left || x > b.right || y < b.top || y > b.bottom || style.fill === "none" || style.fill.startsWith("url")) { continue; }
      const fill = colour(style.fill);
      fill[3] *= style.fillOpacity * style.opacity;
      ground = over(fill, ground);
    }
    return ground;
  };
  // All pieces of visible text with their size and contrast.
  const texts = () => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let n = walker.nextNode(); n; n = walker.nextNode()) {
      const e = n.parentElement, words = n.data.trim().replace(/\s+/g, " ");
      if (!words || e.closest("script, style, title, desc, defs") || !visible(e)) { continue; }
      const style = getComputedStyle(e), picture = e instanceof SVGElement;
      const ground = picture ? paintedUnder(e) : backgroundOf(e);
      const ink = over(colour(picture ? style.fill : style.color), ground);
      const size = parseFloat(style.fontSize);
      found.push({
        words, size, picture, where: e.tagName.toLowerCase() + (e.className && !picture ? "." + e.className : ""),
        contrast: contrast(ink, ground), large: size >= 24 || size >= 18.66 && style.fontWeight >= 700,
      });
    }
    return found;
  };
  // Elements that reach beyond the right edge and are not in a box that scrolls by itself.
  const edge = innerWidth + 0.5;
  const wide = () => [...document.body.querySelectorAll("*")].filter(e => {
    if (!visible(e) || e.getBoundingClientRect().right <= edge) { return false; }
    for (let p = e.parentElement; p; p = p.parentElement) {
      if (getComputedStyle(p).overflowX !== "visible") { return false; }
    }
    return true;
  }).map(e => `${e.tagName} "${e.textContent.slice(0, 30)}" to ${e.getBoundingClientRect().right.toFixed(1)}`);
  // Pictures that carry meaning and say nothing to those who cannot see them.
  const mute = () => [...document.querySelectorAll("svg")].filter(s => {
    if (!visible(s) && !s.getClientRects().length) { return false; }
    if (s.closest("[aria-hidden=true]")) { return [...s.querySelectorAll("text")].some(visible); }
    const by = s.getAttribute("aria-labelledby");
    const name = s.getAttribute("aria-label") || by && document.getElementById(by)?.textContent || s.querySelector(":scope > title")?.textContent;
    return !name?.trim();
  }).map(s => s.outerHTML.slice(0, 120));
  // Words in pictures that run into each other.
  const crowded = () => [...document.querySelectorAll("svg")].filter(visible).flatMap(svg => {
    const words = [...svg.querySelectorAll("text")].filter(t => visible(t) && t.textContent.trim()).map(t => ({ text: t.textContent.trim(), box: t.getBoundingClientRect() }));
    return words.flatMap((a, i) => words.slice(i + 1).filter(b =>
      Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1 &&
      Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 3).map(b => `${a.text} / ${b.text}`));
  });
  // Figures whose name leads to no definition: numbers in tables by their row, column or caption, key figures, pictures.
  const defined = e => [...(e?.querySelectorAll(".term") || [])].some(t => t.dataset.means && document.getElementById(t.hash.slice(1)));
  // What the browser shows where the pointer rests.
  const pointed = e => e.closest("[title]")?.title;
  const column = cell => cell.closest("table").querySelectorAll("thead th")[cell.cellIndex];
  const undefinedFigures = () => [
    ...[...document.querySelectorAll("main td.num")].filter(c => c.textContent.trim() && (!pointed(c) ||
      !defined(c.parentElement.querySelector("th")) && !defined(column(c)) && !defined(c.closest("table").caption))),
    ...[...document.querySelectorAll("main .keys > div")].filter(k => !pointed(k) || !defined(k.querySelector("dt"))),
    ...[...document.querySelectorAll("main figure")].filter(f => !defined(f.querySelector("figcaption"))),
  ].map(e => `${e.tagName} "${e.textContent.trim().slice(0, 40)}" in ${e.closest("section")?.querySelector("h2")?.textContent}`);
  const all = texts();
  const heading = Math.min(...[...document.querySelectorAll("h1, h2")].filter(visible).map(h => parseFloat(getComputedStyle(h).fontSize)));
  return {
    texts: all,
    first: (all.find(t => t.size >= heading) || { words: "" }).words,
    badge: document.querySelector(".badge")?.innerText.trim() || "",
    verdict: document.querySelector("h1")?.innerText.trim() || "",
    verdictBottom: document.querySelector("h1")?.getBoundingClientRect().bottom || 0,
    answer: document.querySelector(".answer")?.innerText.trim() || "",
    // Of each finding: its check, and how many calls are marked in the picture of its turn that is seen.
    findings: [...document.querySelectorAll(".finding")].filter(visible).map(f => ({
      check: f.querySelector(".check").innerText.trim(),
      marked: [...f.querySelectorAll("svg .fall-making")].filter(visible).length,
    })),
    promises: [...document.querySelectorAll("table.budgets tbody tr")].filter(visible).map(r => r.querySelector(".result").innerText.trim()),
    sections: [...document.querySelectorAll("main section")].filter(visible).length,
    pictures: [...document.querySelectorAll("svg")].filter(s => visible(s) && !s.closest("[aria-hidden=true]")).length,
    scrollWidth: document.scrollingElement.scrollWidth, width: innerWidth, edge,
    terms: document.querySelectorAll(".term").length, undefined: undefinedFigures(),
    wide: wide(), mute: mute(), crowded: crowded(),
    background: getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor,
    main: document.querySelector("main").innerText,
  };
})()
