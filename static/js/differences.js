// Marks the words that differ between the two answers, as they are shown: the same colour on both sides, because which
// of them has a word more says nothing about which is which. Nothing in the page is changed: ranges are highlighted.
(() => {
  "use strict";

  const voting = document.getElementById("voting");
  const button = voting?.querySelector("[data-switch=differences]");
  if (!button) return;
  if (!("highlights" in CSS)) {
    button.hidden = true;
    return;
  }

  const MOST_CELLS = 25e6; // of the table of one comparison: two answers of 20 KB take half of it
  const CHANCE = 3; // words this short that both have by chance, between longer runs that differ, are no agreement

  // --- words, with where they stand -------------------------------------------------------------------------------
  const wordsOf = (box) => {
    const language = box.closest("[lang]")?.lang;
    let segmenter = null;
    try {
      segmenter = new Intl.Segmenter(language || undefined, { granularity: "word" });
    } catch {
      // a language that is none, or a browser without: words are letters and figures in a row
    }
    const found = [];
    const nodes = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
    while (nodes.nextNode()) {
      const node = nodes.currentNode;
      const parts = segmenter
        ? [...segmenter.segment(node.data)].filter((part) => part.isWordLike)
        : [...node.data.matchAll(/[\p{L}\p{M}\p{N}]+/gu)].map((match) => ({ segment: match[0], index: match.index }));
      for (const { segment, index } of parts) found.push({ word: segment.toLowerCase(), node, start: index, end: index + segment.length });
    }
    return found;
  };

  // --- which of them both have, in the same order -------------------------------------------------------------------
  // The longest common subsequence, by the textbook's table; what both begin and end with needs none.
  const common = (one, other) => {
    let start = 0;
    while (start < one.length && start < other.length && one[start] === other[start]) start += 1;
    let end = 0;
    while (end < one.length - start && end < other.length - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
    const pairs = [];
    for (let i = 0; i < start; i += 1) pairs.push([i, i]);
    const a = one.slice(start, one.length - end);
    const b = other.slice(start, other.length - end);
    for (const [i, j] of a.length * b.length > MOST_CELLS ? byHalves(a, b) : byTable(a, b)) pairs.push([start + i, start + j]);
    for (let k = end; k > 0; k -= 1) pairs.push([one.length - k, other.length - k]);
    return pairs;
  };

  const byTable = (a, b) => {
    const width = b.length + 1;
    const table = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i -= 1) {
      const row = i * width;
      for (let j = b.length - 1; j >= 0; j -= 1) {
        const below = table[row + width + j];
        const beside = table[row + j + 1];
        if (a[i] === b[j]) table[row + j] = table[row + width + j + 1] + 1;
        else table[row + j] = below >= beside ? below : beside;
      }
    }
    const pairs = [];
    for (let i = 0, j = 0; i < a.length && j < b.length; ) {
      if (a[i] === b[j]) pairs.push([i++, j++]);
      else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) i += 1;
      else j += 1;
    }
    return pairs;
  };

  // Too long for one table: cut where a word stands that each has once, nearest to the middle; without one, no agreement.
  const byHalves = (a, b) => {
    const once = (words) => {
      const seen = new Map();
      words.forEach((word, index) => seen.set(word, seen.has(word) ? -1 : index));
      return seen;
    };
    const there = once(b);
    let cut = null;
    for (const [word, i] of once(a)) {
      const j = there.get(word) ?? -1;
      if (i < 0 || j < 0) continue;
      const off = Math.abs(i / a.length - 0.5) + Math.abs(j / b.length - 0.5);
      if (!cut || off < cut.off) cut = { i, j, off };
    }
    if (!cut) return [];
    const before = common(a.slice(0, cut.i), b.slice(0, cut.j));
    const after = common(a.slice(cut.i), b.slice(cut.j));
    return [...before, ...after.map(([i, j]) => [cut.i + i, cut.j + j])];
  };

  // An agreement of one or two short words amid what differs on both sides is chance, and would only flicker.
  const withoutChance = (pairs, one, other) => {
    const runs = [];
    for (const [i, j] of pairs) {
      const last = runs.at(-1);
      if (last && last.i + last.length === i && last.j + last.length === j) last.length += 1;
      else runs.push({ i, j, length: 1 });
    }
    const kept = runs.filter((run, index) => {
      if (run.length > 2) return true;
      const before = runs[index - 1] ?? { i: 0, j: 0, length: 0 };
      const after = runs[index + 1] ?? { i: one.length, j: other.length };
      const gaps = [run.i - before.i - before.length, run.j - before.j - before.length, after.i - run.i - run.length, after.j - run.j - run.length];
      const letters = one.slice(run.i, run.i + run.length).join("").length;
      return letters > CHANCE * run.length || gaps.some((gap) => gap < 3);
    });
    return kept.flatMap((run) => Array.from({ length: run.length }, (_, k) => [run.i + k, run.j + k]));
  };

  // --- onto the page -----------------------------------------------------------------------------------------------------
  const mark = (words, same) => {
    const ranges = [];
    let open = null;
    words.forEach((word, index) => {
      if (same.has(index)) {
        open = null;
        return;
      }
      // neighbours in one text node are one mark, with what is between them
      if (open && open.endContainer === word.node) open.setEnd(word.node, word.end);
      else {
        open = new Range();
        open.setStart(word.node, word.start);
        open.setEnd(word.node, word.end);
        ranges.push(open);
      }
    });
    return ranges;
  };

  const said = document.createElement("span");
  said.id = "differences-said";
  said.className = "visually-hidden";
  button.after(said);

  const show = () => {
    CSS.highlights.delete("differs");
    said.textContent = "";
    if (!("differences" in voting.dataset)) return;
    const shown = "raw" in voting.dataset ? ".answer-raw" : ".prose:not(.answer-raw)";
    const boxes = [...document.querySelectorAll("#pair .answer-body")].map((body) => body.querySelector(`:scope > ${shown}`));
    if (boxes.length !== 2 || boxes.includes(null)) return;
    const [left, right] = boxes.map(wordsOf);
    const texts = [left, right].map((words) => words.map(({ word }) => word));
    const pairs = withoutChance(common(...texts), ...texts);
    const ranges = [
      ...mark(left, new Set(pairs.map(([i]) => i))),
      ...mark(right, new Set(pairs.map(([, j]) => j))),
    ];
    CSS.highlights.set("differs", new Highlight(...ranges));
    said.textContent = `${left.length - pairs.length} / ${left.length}, ${right.length - pairs.length} / ${right.length}`;
  };

  // after the paint: the next pair must not wait for it
  let asked = 0;
  const showSoon = () => {
    clearTimeout(asked);
    asked = setTimeout(show, 30);
  };
  document.addEventListener("pair:shown", showSoon);
  document.addEventListener("reading:switched", ({ detail }) => ["differences", "raw"].includes(detail.name) && showSoon());
  showSoon();
})();
