// A swipe over the answers votes, for whoever switched it on: to the left, the left one is better. Buttons do the same.
(() => {
  "use strict";

  const FAR = 90; // pixels; a scroll that went a little astray is less
  let from = null;

  document.addEventListener(
    "touchstart",
    (event) => {
      const inAnswers = event.target.closest?.("#pair .answers") && !event.target.closest("pre, table, a");
      from = inAnswers && event.touches.length === 1 && window.evalsite.preferred("swipe", false)
        ? { x: event.touches[0].clientX, y: event.touches[0].clientY }
        : null;
    },
    { passive: true },
  );
  document.addEventListener("touchend", (event) => {
    if (!from || event.changedTouches.length !== 1) return;
    const [{ clientX, clientY }] = event.changedTouches;
    const across = clientX - from.x;
    const along = Math.abs(clientY - from.y);
    from = null;
    if (Math.abs(across) < FAR || along > Math.abs(across) / 2 || document.querySelector("dialog[open]")) return;
    document.querySelector(`#pair .ballot [data-key="${across < 0 ? "ArrowLeft" : "ArrowRight"}"]`)?.click();
  });
})();
