// What a person prefers on this device, such as raw text or no letters as keys. It never leaves the browser.
(() => {
  "use strict";

  const KEY = "evalsite-reading";
  let known = {};
  try {
    known = JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    // storage may be switched off or hold something else: then a preference lasts for one page
  }

  window.evalsite = {
    preferred: (name, otherwise) => known[name] ?? otherwise,
    prefer: (name, value) => {
      known[name] = value;
      try {
        localStorage.setItem(KEY, JSON.stringify(known));
      } catch {
        // as above
      }
    },
  };

  // a check box that sets one: <input type="checkbox" data-preference="swipe">
  for (const box of document.querySelectorAll("[data-preference]")) {
    box.checked = window.evalsite.preferred(box.dataset.preference, box.checked);
    box.addEventListener("change", () => window.evalsite.prefer(box.dataset.preference, box.checked));
  }
})();
