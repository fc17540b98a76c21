// The tour of a first visit: a few steps, each beside what it speaks of. However it is left, it does not come again.
(() => {
  "use strict";

  const tour = document.getElementById("tour");
  if (!tour || document.querySelector("#pair:not([data-ticket])")) return;
  const steps = [...tour.querySelectorAll("[data-step]")];
  const button = (name) => tour.querySelector(`[data-tour=${name}]`);
  const dots = tour.querySelector(".tour-dots");
  let at = 0;

  const show = (number) => {
    at = number;
    steps.forEach((step, index) => {
      step.hidden = index !== at;
      step.querySelector("h2").id = index === at ? "tour-title" : "";
    });
    for (const shown of document.querySelectorAll(".is-toured")) shown.classList.remove("is-toured");
    document.querySelector(steps[at].dataset.step)?.classList.add("is-toured");
    const isLast = at === steps.length - 1;
    button("back").hidden = at === 0;
    button("next").hidden = isLast;
    button("begin").hidden = button("practise").hidden = !isLast;
    dots.replaceChildren(
      ...steps.map((_, index) => Object.assign(document.createElement("i"), { className: index === at ? "is-now" : "" })),
    );
    // read out from its heading; the arrow keys and Enter go on from there
    if (tour.open) steps[at].querySelector("h2").focus();
  };

  const isSeen = () =>
    fetch(tour.dataset.seen, { method: "POST", keepalive: true, headers: { "X-CSRFToken": window.evalsite.token() } }).catch(() => {
      // then it comes once more
    });

  tour.addEventListener("click", ({ target }) => {
    const pressed = target.closest("[data-tour]")?.dataset.tour;
    if (pressed === "next") show(at + 1);
    else if (pressed === "back") show(at - 1);
    else if (pressed === "begin" || pressed === "leave") tour.close();
    else if (pressed === "practise") isSeen();
  });
  tour.addEventListener("keydown", (event) => {
    if (event.target.closest("button, a") && event.key === "Enter") return;
    if (["ArrowRight", "Enter"].includes(event.key) && at < steps.length - 1) show(at + 1);
    else if (event.key === "ArrowLeft" && at > 0) show(at - 1);
    else if (event.key === "Enter") tour.close();
    else return;
    event.preventDefault();
  });
  tour.addEventListener("close", () => {
    for (const shown of document.querySelectorAll(".is-toured")) shown.classList.remove("is-toured");
    isSeen();
    document.getElementById("pair").focus({ preventScroll: true });
  });

  tour.showModal();
  show(0);
})();
