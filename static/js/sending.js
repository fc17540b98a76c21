// To the server and back, for vote.js: what is sent arrives although its page is being left, and every way in which it
// can fail has a name.
(() => {
  "use strict";

  const PATIENCE_MS = 15000;
  const REFUSED = [400, 403, 404];

  const token = () =>
    // it changes when somebody logs in, in another tab perhaps: so it is read each time
    /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";

  const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

  // {kind: "answered" | "ended" | "refused" | "lost", status, page, login}
  const post = async (url, fields) => {
    try {
      const response = await fetch(url, {
        method: "POST",
        body: new URLSearchParams(fields),
        headers: { "HX-Request": "true", "HX-Current-URL": location.href, "X-CSRFToken": token() },
        keepalive: true,
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const login = response.headers.get("HX-Redirect");
      if (login) return { kind: "ended", login };
      if (response.ok || [409, 422].includes(response.status)) {
        return { kind: "answered", status: response.status, page: parsed(await response.text()) };
      }
      if (REFUSED.includes(response.status)) return { kind: "refused", status: response.status };
    } catch {
      // offline, timed out, or cut off on the way
    }
    return { kind: "lost" };
  };

  const load = async () => {
    const response = await fetch(location.href, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return response.ok && !response.redirected ? parsed(await response.text()) : null;
  };

  Object.assign(window.evalsite, { post, load, token });

  // htmx, which sends the flags, reads the token from the page; ours may be newer
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = token();
  });
})();
