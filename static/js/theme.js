// The theme follows the system unless a person chose one; the choice lives in this browser only.
(() => {
  const root = document.documentElement;
  const key = "evalsite-theme";
  let choice = "auto";
  try {
    choice = localStorage.getItem(key) || "auto";
  } catch {
    // storage may be switched off: then the choice lasts for one page
  }

  const apply = () => {
    if (choice === "light" || choice === "dark") root.dataset.bsTheme = choice;
    else delete root.dataset.bsTheme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    }
  };
  root.classList.add("js");
  apply();
  document.addEventListener("DOMContentLoaded", apply);

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (button) {
      choice = button.dataset.themeChoice;
      try {
        localStorage.setItem(key, choice);
      } catch {
        // as above
      }
      apply();
    }
    closeMenus(event.target.closest("details.menu"));
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
})();
