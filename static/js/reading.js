// How a pair is shown: guide, raw text, one scroll for both answers or one each. What was chosen stays for the next pair.
(() => {
  "use strict";

  const voting = document.getElementById("voting");
  if (!voting) return;
  const WIDE = matchMedia("(min-width: 1100px)");
  const APART = ["together"]; // pressed while the attribute is away
  const { preferred, prefer } = window.evalsite;
  const switches = voting.querySelectorAll("[data-switch]");

  const isOn = (name) => (APART.includes(name) ? !("apart" in voting.dataset) : name in voting.dataset);

  const turn = (name, on) => {
    const attribute = APART.includes(name) ? "apart" : name;
    if (on === (attribute === name)) voting.dataset[attribute] = "";
    else delete voting.dataset[attribute];
    for (const button of switches) {
      if (button.dataset.switch === name) button.setAttribute("aria-pressed", String(on));
    }
    document.dispatchEvent(new CustomEvent("reading:switched", { detail: { name, on } }));
  };

  for (const button of switches) {
    const { switch: name } = button.dataset;
    button.addEventListener("click", () => {
      turn(name, !isOn(name));
      prefer(name, isOn(name));
      // on a phone the guide opens below what was asked, perhaps out of sight
      if (name === "guides" && isOn(name) && !WIDE.matches) {
        document.getElementById("guides")?.scrollIntoView({ block: "nearest" });
      }
    });
  }

  // The guide is there from the beginning where it takes no room from the answers, until it is put away.
  const firstGuide = WIDE.matches && voting.querySelector(".vote-guide") !== null;
  const preset = { guides: firstGuide, raw: false, differences: false, together: true };
  for (const [name, otherwise] of Object.entries(preset)) turn(name, preferred(name, otherwise));

  // --- one scroll for both: how far the shorter text may travel, and where it stands when it stays -----------------
  const bodies = () => [...document.querySelectorAll("#pair .answer-body")];
  const pixels = (length) => `${Math.max(0, Math.round(length))}px`;

  const measure = () => {
    const ballot = document.querySelector("#pair .ballot");
    const title = document.querySelector("#pair .answer-title");
    const answers = document.querySelector("#pair .answers");
    if (!answers) return;
    const head = title?.offsetHeight ?? 0;
    const below = ballot?.offsetHeight ?? 0;
    voting.style.setProperty("--head", pixels(head));
    voting.style.setProperty("--ballot", pixels(below));
    const heights = bodies().map((body) => body.scrollHeight);
    const longest = Math.max(...heights);
    // what fits between title and ballot is read without scrolling, so nothing need travel
    const travels = longest + head > innerHeight - head - below;
    bodies().forEach((body, index) => {
      body.style.setProperty("--own", pixels(heights[index]));
      body.style.setProperty("--slack", travels ? pixels(longest - heights[index]) : "0px");
    });
  };

  let asked = 0;
  const measureSoon = () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(measure);
  };
  const sizes = new ResizeObserver(measureSoon);

  // --- each by itself: a box that scrolls is reached by the keyboard ------------------------------------------------
  const reach = () => {
    const apart = "apart" in voting.dataset && matchMedia("(min-width: 800px)").matches;
    for (const body of bodies()) {
      if (apart) {
        body.tabIndex = 0;
        body.setAttribute("role", "group");
        body.setAttribute("aria-labelledby", body.previousElementSibling.id);
      } else {
        for (const name of ["tabindex", "role", "aria-labelledby"]) body.removeAttribute(name);
      }
    }
  };

  // --- on a phone: the switch between the two, each at the place where it was left -----------------------------------
  let places = {};
  const sides = () => [...document.querySelectorAll("#pair .side-switch a")];
  const target = (link) => document.querySelector(link.getAttribute("href"));
  const showing = () => {
    const [, right] = sides();
    const answer = right && target(right);
    if (!answer) return null;
    if (scrollY < 8) return sides()[0];
    return answer.getBoundingClientRect().top < document.documentElement.clientHeight / 2 ? sides()[1] : sides()[0];
  };
  const markSide = () => {
    const now = showing();
    for (const link of sides()) {
      if (link === now) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#pair .side-switch a");
    if (!link) return;
    event.preventDefault();
    const now = showing();
    if (now && now !== link) places[now.hash] = scrollY;
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
    if (now !== link && link.hash in places) scrollTo({ top: places[link.hash], behavior });
    else target(link).scrollIntoView({ behavior });
  });
  addEventListener("scroll", () => document.querySelector(".side-switch")?.offsetHeight && markSide(), { passive: true });
  addEventListener("resize", () => { measureSoon(); reach(); }, { passive: true });

  const start = () => {
    places = {};
    sizes.disconnect();
    for (const part of document.querySelectorAll("#pair .answer-body, #pair .ballot")) sizes.observe(part);
    for (const guide of document.querySelectorAll("#pair .vote-guides > details")) guide.open = true;
    reach();
    markSide();
    measureSoon();
  };
  document.addEventListener("reading:switched", () => { reach(); measureSoon(); });
  document.addEventListener("pair:shown", start);
  start();
})();
