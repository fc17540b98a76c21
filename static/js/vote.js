// The arrow keys press the ballot's buttons; the form works without this file.
(() => {
  "use strict";

  const CHOICES = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", ArrowUp: "both_bad" };
  const pair = () => document.getElementById("pair");

  document.addEventListener("keydown", (event) => {
    const choice = CHOICES[event.key];
    if (!choice || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable], .menu[open]")) return;
    const button = document.querySelector(`.ballot button[value="${choice}"]`);
    if (!button || button.disabled) return;
    event.preventDefault();
    button.classList.add("is-chosen");
    button.click(); // htmx sends the button that was clicked or focused, not the one requestSubmit names
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    // The next pair is read from its beginning, by eye and by screen reader.
    if (event.detail.target?.id === "pair") pair()?.focus({ preventScroll: true });
  });

  // A vote that failed is said to have failed, and the pair stays to be voted on again.
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(name, () => {
      const note = document.createElement("p");
      note.className = "note note-error";
      note.textContent = pair().dataset.failed;
      document.querySelector(".vote-notice").replaceChildren(note);
      for (const chosen of document.querySelectorAll(".is-chosen")) chosen.classList.remove("is-chosen");
    });
  }
})();
