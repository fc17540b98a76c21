// The arrow keys press the ballot's buttons; the form works without this file.
(() => {
  "use strict";

  const CHOICES = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", ArrowUp: "both_bad" };
  const SETTLE_MS = 300; // a second press that was meant for the pair before must not judge the next one
  const pair = () => document.getElementById("pair");

  document.addEventListener("keydown", (event) => {
    const choice = CHOICES[event.key];
    if (!choice || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable], .menu[open], .flag-more[open]")) return;
    const button = document.querySelector(`.ballot button[value="${choice}"]`);
    if (!button || button.disabled) return;
    event.preventDefault();
    if (button.closest("[data-settling]")) return;
    button.classList.add("is-chosen");
    button.click(); // htmx sends the button that was clicked or focused, not the one requestSubmit names
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    // The next pair is read from its beginning, by eye and by screen reader.
    if (event.detail.target?.id !== "pair") return;
    const shown = pair();
    shown.dataset.settling = "";
    setTimeout(() => delete shown.dataset.settling, SETTLE_MS);
    shown.focus({ preventScroll: true });
  });

  // Before htmx sees it, whether it came from a key, a mouse or a thumb.
  document.addEventListener(
    "click",
    (event) => {
      if (!event.target.closest("[data-settling] .ballot")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );

  // What failed, a vote or a flag, is said to have failed, and what was on the page stays to be sent again.
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const note = document.createElement("p");
      note.className = "note note-error";
      note.textContent = (event.target.closest("[data-failed]") ?? pair()).dataset.failed;
      document.querySelector(".vote-notice").replaceChildren(note);
      for (const chosen of document.querySelectorAll(".is-chosen")) chosen.classList.remove("is-chosen");
    });
  }
})();
