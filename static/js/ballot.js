// What is given beside the choice: reasons, a comment, and whether they are needed. The server checks the same again.
(() => {
  "use strict";

  const word = (name) => document.getElementById("vote-words")?.content.querySelector(`[data-word="${name}"]`)?.textContent ?? "";

  const needs = (rule, choice) => rule === "always" || (rule === "both_bad" && choice === "both_bad");

  // What is missing for this choice, said once and shown where it is to be given; nothing where the vote can go.
  const missing = (form, choice) => {
    const reasons = form.querySelector(".ballot-reasons");
    const comment = form.querySelector(".ballot-comment");
    for (const part of [reasons, comment]) part?.classList.remove("is-wanted");
    if (reasons && needs(form.dataset.reasonRule, choice) && !reasons.querySelector(":checked")) {
      reasons.classList.add("is-wanted");
      reasons.querySelector("input").focus({ preventScroll: true });
      return word("reason-needed");
    }
    const text = comment?.querySelector("textarea");
    if (text && needs(form.dataset.commentRule, choice) && !text.value.trim()) {
      comment.classList.add("is-wanted");
      comment.open = true;
      text.focus({ preventScroll: true });
      return word("comment-needed");
    }
    return "";
  };

  const pair = () => document.getElementById("pair");

  // a comment that is opened is about to be written
  document.addEventListener("click", (event) => {
    const comment = event.target.closest("summary")?.closest(".ballot-comment");
    if (comment) setTimeout(() => comment.open && comment.querySelector("textarea").focus());
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches(".ballot-comment textarea")) return;
    const comment = event.target.closest(".ballot-comment");
    comment.classList.toggle("has-text", event.target.value.trim() !== "");
    comment.classList.remove("is-wanted");
  });
  document.addEventListener("change", (event) => event.target.closest(".ballot-reasons")?.classList.remove("is-wanted"));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !event.target.matches(".ballot-comment textarea")) return;
    const comment = event.target.closest(".ballot-comment");
    if (!event.target.value.trim()) comment.open = false;
    pair()?.focus({ preventScroll: true });
  });

  Object.assign(window.evalsite, { missing, word });
})();
