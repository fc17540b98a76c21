// The flag's form, which htmx sends: what could not be sent is said beside what was written, which stays to be sent again.
(() => {
  "use strict";

  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const form = event.target.closest("[data-failed]");
      if (!form) return;
      const note = form.querySelector(".note-error") ?? document.createElement("p");
      note.className = "note note-error";
      note.setAttribute("role", "alert");
      note.textContent = form.dataset.failed;
      form.prepend(note);
    });
  }

  // noted: the pair is to be read again, and a quiet word says so
  document.addEventListener("htmx:afterSettle", () => {
    const thanks = document.querySelector("#flag-dialog[open] .flag-said[role=status]");
    if (!thanks) return;
    thanks.removeAttribute("role");
    thanks.closest("dialog").close();
    document.getElementById("vote-said").textContent = window.evalsite.word("flagged");
  });
})();
