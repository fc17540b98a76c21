// Voting: the next pair is in the page already and is shown at once, the vote travels behind it. One request at a time,
// in the order in which they were made. A vote that did not arrive is never lost: its pair comes back with the choice
// kept, and it stays in this tab's storage until the server has answered. Without this file the form works by itself.
(() => {
  "use strict";

  const voting = document.getElementById("voting");
  if (!voting?.dataset.evaluation) return;
  const { word, missing, post, load, token } = window.evalsite;
  const SETTLE_MS = 300; // a second press that was meant for the pair before must not judge the next one
  const UNSENT = `evalsite-unsent-${voting.dataset.evaluation}`;
  const pair = () => document.getElementById("pair");
  const ticketOf = (section) => section?.dataset.ticket ?? "";

  // --- what is shown, and what comes next ------------------------------------------------------------------------------
  // a section without a ticket, such as that nothing is left, is not shown before it is true
  const heldIn = (page) => page.getElementById("next-pair")?.content.querySelector("#pair[data-ticket]") ?? null;
  let next = heldIn(document);
  let past = []; // pairs that were voted on in this page, the last one at the end
  let busy = false;
  let waiting = null; // what was pressed while a request was under way, done when it is back

  let reading = { since: performance.now(), before: 0 }; // time in a hidden tab is not time spent judging
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) reading.before += performance.now() - reading.since;
    reading.since = performance.now();
  });
  const secondsRead = () => (reading.before + (document.hidden ? 0 : performance.now() - reading.since)) / 1000;

  const show = (section) => {
    const gone = pair();
    if (gone === section) return;
    gone.replaceWith(section);
    scrollTo({ top: 0, behavior: "instant" });
    section.dataset.settling = "";
    setTimeout(() => delete section.dataset.settling, SETTLE_MS);
    reading = { since: performance.now(), before: 0 };
    offerUndo();
    section.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("pair:shown"));
    setTimeout(() => window.htmx?.process(section)); // its forms; after the paint
  };

  // --- what is said ------------------------------------------------------------------------------------------------------
  const said = document.getElementById("vote-said");
  const say = (text, isBusy = false) => {
    said.textContent = text;
    said.classList.toggle("is-busy", isBusy);
  };
  const notice = (text, { kind = "warning", again = null } = {}) => {
    const place = document.getElementById("vote-notice");
    if (!text) {
      place.replaceChildren();
      return;
    }
    const note = document.createElement("div");
    note.className = `note note-${kind}`;
    const line = document.createElement("span");
    line.textContent = text;
    note.append(line);
    if (again) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-secondary btn-sm";
      button.textContent = word("again");
      button.addEventListener("click", again);
      note.append(button);
    }
    place.replaceChildren(note);
  };
  const nameOf = ({ choice, strength }) => word(strength ? `${choice}-${strength}` : choice);

  const countVotes = (voted, total) => {
    const place = voting.querySelector(".vote-progress");
    const bar = place.querySelector("progress");
    bar.max = Math.max(total ?? bar.max, voted, 1);
    bar.value = voted;
    const figure = (number) => number.toLocaleString(document.documentElement.lang);
    const text = place.dataset.pattern.replace("{voted}", figure(voted)).replace("{total}", figure(Math.max(total ?? bar.max, voted)));
    bar.setAttribute("aria-label", text);
    place.querySelector(".meter-label").textContent = text;
  };
  const countedIn = (section) => "voted" in (section?.dataset ?? {}) && countVotes(Number(section.dataset.voted), Number(section.dataset.total));

  const inTurn = async (work) => {
    busy = true;
    try {
      await work();
    } finally {
      busy = false;
    }
    const then = waiting;
    waiting = null;
    then?.();
  };

  // Where this page and the server no longer agree, the server says what is to be read.
  const startOver = async () => {
    try {
      const page = await load();
      if (!page) {
        location.reload();
        return;
      }
      next = heldIn(page);
      past = [];
      const section = page.getElementById("pair");
      countedIn(section);
      show(section);
    } catch {
      notice(word("failed"), { kind: "error", again: startOver });
    }
  };

  // --- votes that have not arrived -----------------------------------------------------------------------------------------
  const keep = (vote) => {
    try {
      if (vote) sessionStorage.setItem(UNSENT, JSON.stringify({ ticket: vote.ticket, url: vote.url, fields: vote.fields, reasons: vote.reasons }));
      else sessionStorage.removeItem(UNSENT);
    } catch {
      // without storage the vote is kept as long as the page is
    }
  };
  const kept = () => {
    try {
      return JSON.parse(sessionStorage.getItem(UNSENT));
    } catch {
      return null;
    }
  };
  let unsent = null; // the vote whose pair came back
  let tried = null; // the last one that may have arrived, although no answer did

  const mark = (section, { choice, strength }) => {
    for (const button of section.querySelectorAll(".choice")) {
      const isIt = choice !== undefined && button.value === choice && (button.dataset.strength ?? "") === (strength ?? "");
      button.classList.toggle("is-chosen", isIt);
      if (isIt) button.setAttribute("aria-pressed", "true");
      else button.removeAttribute("aria-pressed");
    }
  };

  const bringBack = (vote, text, kind = "error") => {
    if (ticketOf(pair()) !== vote.ticket) {
      next = pair();
      mark(next, {});
      show(vote.section);
    }
    past = past.filter((one) => one !== vote);
    mark(vote.section, vote.fields);
    offerUndo();
    say("");
    unsent = vote;
    notice(text, { kind, again: () => send(vote) });
  };

  // --- a vote ------------------------------------------------------------------------------------------------------------------
  const voteOf = (form, button) => {
    const fields = [...new FormData(form)].filter(([name]) => !["csrfmiddlewaretoken", "choice"].includes(name));
    const vote = { section: form.closest("#pair"), ticket: ticketOf(form.closest("#pair")), url: form.getAttribute("action") };
    const strength = button.dataset.strength ?? "";
    vote.fields = { choice: button.value, seconds: secondsRead().toFixed(2) };
    if (strength) vote.fields.strength = strength;
    vote.reasons = fields.filter(([name]) => name === "reasons").map(([, value]) => value);
    const comment = fields.find(([name]) => name === "comment")?.[1]?.trim();
    if (comment) vote.fields.comment = comment;
    const said = ({ fields: { seconds, ...rest }, reasons }) => JSON.stringify([rest, reasons]);
    vote.isDoubted = tried?.ticket === vote.ticket && (tried.isDoubted || said(tried) !== said(vote));
    return vote;
  };
  const pairsOf = (vote, shown) => [
    ...Object.entries(vote.fields),
    ...(vote.reasons ?? []).map((reason) => ["reasons", reason]),
    ...(shown ? [["shown", shown]] : []),
  ];

  const press = (form, button) => {
    const lacking = missing(form, button.value);
    if (lacking) {
      notice(lacking);
      return;
    }
    mark(pair(), { choice: button.value, strength: button.dataset.strength });
    if (busy) {
      // the vote before is still on its way, and with it the pair after this one
      say(word("sending"), true);
      waiting = () => form.isConnected && send(voteOf(form, button));
      return;
    }
    send(voteOf(form, button));
  };

  const send = (vote) =>
    inTurn(async () => {
      unsent = null;
      notice("");
      keep(vote);
      past.push(vote);
      const after = next;
      next = null;
      if (after) show(after);
      else say(word("sending"), true);
      // the first try may have arrived, saying something else: it is taken back before this one is cast
      if (vote.isDoubted) await post(undoOf(vote.ticket), []);
      const answer = await post(vote.url, pairsOf(vote, ticketOf(after)));
      if (answer.kind === "answered" && answer.status === 422) {
        keep(null);
        waiting = null;
        bringBack(vote, toldIn(answer.page), "warning");
      } else if (answer.kind === "answered") {
        keep(null);
        const told = arrived(answer.page, after);
        if (told) past = past.filter((one) => one !== vote);
        say(told ? "" : word("counted").replace("{choice}", nameOf(vote.fields)));
        notice(told);
      } else if (answer.kind === "ended") {
        // the vote is kept, and sent when this page is back
        bringBack(vote, word("ended"));
        location.assign(answer.login);
      } else if (answer.kind === "lost") {
        waiting = null;
        tried = vote;
        bringBack(vote, navigator.onLine ? word("failed") : word("offline"));
      } else {
        keep(null);
        waiting = null;
        say("");
        await startOver();
        notice(word("refused"));
      }
    });

  const toldIn = (page) => page.querySelector(".note, [data-told]")?.textContent.trim() ?? "";

  // Puts an answer to its use, and gives what the reviewer has to be told: nothing where all went well. An answer is the
  // pair after the one now shown, in an envelope; or, where none was shown or it was gone, the one to show.
  const arrived = (page, after, isSkip = false) => {
    const envelope = page.getElementById("voted");
    const section = page.getElementById("pair");
    if (!envelope) {
      countedIn(section);
      show(section);
      waiting = null;
      return toldIn(page);
    }
    const isLess = envelope.dataset.status !== "200" || isSkip; // a pair that is not this reviewer's any more
    countVotes(Number(envelope.dataset.voted), voting.querySelector(".vote-progress progress").max - (isLess ? 1 : 0));
    const isKept = envelope.dataset.shown === "kept";
    if (isKept) next = ticketOf(section) ? section : null;
    else {
      waiting = null;
      show(section);
    }
    return toldIn(envelope) || (!isKept && ticketOf(after) && ticketOf(section) ? word("gone") : "");
  };

  // --- take back ------------------------------------------------------------------------------------------------------------------
  const undoOf = (ticket) => voting.dataset.undo.replace("TICKET", ticket);
  const undoButton = () => pair().querySelector("[data-undo]");
  function offerUndo() {
    const button = undoButton();
    const last = past.at(-1);
    if (!button) return;
    if (last && ticketOf(pair()) !== last.ticket) button.dataset.ticket = last.ticket;
    else if (last || ticketOf(pair()) === button.dataset.ticket) delete button.dataset.ticket;
    button.hidden = !button.dataset.ticket;
  }

  const undo = (ticket) => {
    if (busy) {
      waiting = () => undo(past.at(-1)?.ticket ?? ticket);
      return;
    }
    inTurn(async () => {
      notice("");
      const last = past.at(-1)?.ticket === ticket ? past.pop() : null;
      const now = pair();
      if (last) {
        next = ticketOf(now) ? now : null;
        mark(last.section, last.fields);
        show(last.section);
      } else say(word("sending"), true);
      const answer = await post(undoOf(ticket), []);
      if (answer.kind === "answered" && answer.status === 200) {
        const section = answer.page.getElementById("pair");
        countedIn(section);
        if (!last) {
          next = ticketOf(now) ? now : null;
          show(section);
        }
        say(word("undone"));
        return;
      }
      // it still stands: back to what was read
      if (last) {
        past.push(last);
        next = null;
        show(now);
      }
      say("");
      if (answer.kind === "ended") location.assign(answer.login);
      else if (answer.kind === "lost") notice(word("failed"), { kind: "error", again: () => undo(ticket) });
      else {
        await startOver();
        notice(answer.page ? toldIn(answer.page) : word("refused"));
      }
    });
  };

  // --- skip -------------------------------------------------------------------------------------------------------------------------
  const skip = (form) => {
    const fields = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
    const url = form.getAttribute("action");
    form.closest("dialog").close();
    const now = pair();
    const go = () =>
      inTurn(async () => {
        notice("");
        const after = next;
        next = null;
        if (after) show(after);
        else say(word("sending"), true);
        const answer = await post(url, [...fields, ...(after ? [["shown", ticketOf(after)]] : [])]);
        if (answer.kind === "answered" && answer.status !== 422) {
          const told = arrived(answer.page, after, true);
          say(told ? "" : word("skipped"));
          notice(told);
          return;
        }
        say("");
        if (after) {
          next = after;
          show(now);
        }
        if (answer.kind === "ended") location.assign(answer.login);
        else if (answer.kind === "lost") notice(word("failed"), { kind: "error", again: go });
        else notice(answer.page ? toldIn(answer.page) : word("refused"));
      });
    if (busy) waiting = go;
    else go();
  };

  // --- by whatever it is pressed: a key, a mouse, a thumb -------------------------------------------------------------------------
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (!form.closest("#pair")) return;
    if (form.matches("[data-skip]")) {
      event.preventDefault();
      skip(form);
    } else if (button?.matches("[data-undo]")) {
      event.preventDefault();
      if ("settling" in pair().dataset && !past.length) return;
      undo(button.dataset.ticket);
    } else if (form.matches(".ballot") && button?.matches(".choice")) {
      event.preventDefault();
      if ("settling" in pair().dataset || waiting) return;
      press(form, button);
    }
  });

  addEventListener("online", () => {
    if (unsent && !busy) send(unsent);
  });

  // What is held for this page and was never shown goes back at once, instead of when its time has run out.
  addEventListener("pagehide", () => {
    if (!voting.dataset.release || !ticketOf(next)) return;
    fetch(voting.dataset.release, { method: "POST", keepalive: true, headers: { "X-CSRFToken": token() } }).catch(() => {});
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // --- a vote that an earlier visit of this page could not send -----------------------------------------------------------------------
  const left = kept();
  offerUndo();
  if (left?.ticket === ticketOf(pair())) {
    send({ ...left, section: pair() });
  } else if (left) {
    inTurn(async () => {
      const answer = await post(left.url, pairsOf(left, ticketOf(pair())));
      if (answer.kind === "lost") {
        notice(word("failed"), { kind: "error", again: () => location.reload() });
        return;
      }
      keep(null);
      if (answer.kind === "ended") location.assign(answer.login);
      else if (answer.kind === "answered" && answer.status !== 422) {
        const told = arrived(answer.page, pair());
        say(told ? "" : word("sent-late"));
        notice(told);
      } else notice(answer.page ? toldIn(answer.page) : word("refused"));
    });
  }
})();
