// Keys press what is on the page: a control names its key in data-key, such as "ArrowLeft", "Shift+ArrowLeft", "z", "1".
// So a key can do nothing that a mouse or a thumb can't, and a key without its control does nothing.
(() => {
  "use strict";

  const IN_A_FIELD = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], .menu[open]";

  const named = (event) => {
    // a figure is where it is on the keyboard, whatever must be held to write it
    const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1];
    if (digit && !event.shiftKey) return digit;
    if (event.key.length === 1) return event.key.toLowerCase(); // "?" needs Shift on most keyboards, so it counts for nothing
    return event.shiftKey ? `Shift+${event.key}` : event.key;
  };

  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (!(event.target instanceof Element) || event.target.closest(IN_A_FIELD)) return;
    if (document.querySelector("dialog[open]")) return;
    const key = named(event);
    // speech input types letters: whoever dictates switches them off (WCAG 2.1.4)
    if (key.length === 1 && key !== "?" && !window.evalsite.preferred("letters", true)) return;
    if (/[^\w?+]/.test(key)) return;
    const control = document.querySelector(`#voting [data-key="${key}"]:not([hidden], :disabled)`);
    if (!control) return;
    event.preventDefault();
    control.click();
  });

  // Buttons that open and close a dialog work without JavaScript where the browser knows commandfor; here for the others.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    if (!button || "commandForElement" in HTMLButtonElement.prototype) return;
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "close") dialog?.close();
    else dialog?.showModal();
  });

  // a press beside a dialog closes it, as everywhere
  document.addEventListener("click", (event) => {
    if (event.target.matches("dialog.dialog[open]")) event.target.close();
  });
})();
