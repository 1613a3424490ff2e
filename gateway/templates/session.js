// Tells a page that its session ends soon, or has ended:
//
//   <script src="/.portcullis/session.js" defer></script>
//
// On `window` it dispatches `portcullis:session-ending` (detail: seconds, login_url) once before the
// end, and `portcullis:session-ended` (detail: login_url) once behind it. A page that calls
// `preventDefault()` on them says so itself; otherwise a bar appears at the foot of the page. Streams
// that the route grants more time may still be open then.
//
// `portcullis:session-changed` (detail: login_url) says that the person, or their groups, are others
// than before: the page may show what they may not see any more. Nothing appears by itself.
//
// data-warn: how many seconds before the end. Default 120.
// data-every: how many seconds between two looks. Default 15. Looking keeps no session alive.
(() => {
  "use strict";
  const own = document.currentScript;
  const number = (name, otherwise) => {
    const given = Number(own?.dataset[name]);
    return given >= 1 ? given : otherwise;
  };
  const warn = number("warn", 120);
  const every = number("every", 15) * 1000;
  const me = new URL("me", own?.src ?? new URL("/.portcullis/session.js", location.href));

  let told = "";
  let known = "";
  let timer = 0;
  let bar;

  const look = async () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") {
      try {
        const answer = await fetch(me, {
          headers: { accept: "application/json" },
          cache: "no-store",
          credentials: "same-origin",
        });
        if (answer.status === 401) {
          // Somebody who never was signed in has nothing that could end.
          if (known) tell("ended", {});
          return;
        }
        if (answer.ok) heard(await answer.json());
      } catch {
        // No network: the next look will say.
      }
    }
    timer = setTimeout(look, every);
  };

  const heard = ({ ends_in: seconds, name, email, preferred_username, groups, roles, provider }) => {
    const who = JSON.stringify([name, email, preferred_username, groups, roles, provider]);
    if (known && known !== who) dispatch("changed", {});
    known = who;
    if (seconds <= warn) {
      tell("ending", { seconds });
    } else if (told) {
      told = "";
      bar?.remove();
    }
    if (seconds * 1000 < every) {
      clearTimeout(timer);
      setTimeout(look, seconds * 1000 + 500);
    }
  };

  const login = () =>
    `${new URL("login", me).pathname}?return_to=${encodeURIComponent(location.pathname + location.search)}`;

  /** Whether the page leaves the rest to us. */
  const dispatch = (what, detail) =>
    window.dispatchEvent(
      new CustomEvent(`portcullis:session-${what}`, {
        detail: { ...detail, login_url: login() },
        cancelable: true,
      }),
    );

  const tell = (what, detail) => {
    if (told === what) return;
    told = what;
    if (dispatch(what, detail)) show(what, detail);
  };

  const show = (what, { seconds }) => {
    bar?.remove();
    bar = document.createElement("div");
    const root = bar.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
      div { position: fixed; inset: auto 0 0 0; z-index: 2147483647; display: flex; gap: 1rem;
        align-items: center; justify-content: center; flex-wrap: wrap; padding: .75rem 1rem;
        font: 15px/1.4 system-ui, sans-serif; color: #fff; background: #1f2937; }
      a { color: #fff; font-weight: 600; }`);
    root.adoptedStyleSheets = [sheet];
    const line = document.createElement("div");
    line.setAttribute("role", what === "ended" ? "alert" : "status");
    const text = document.createElement("span");
    const minutes = Math.ceil(seconds / 60);
    text.textContent =
      what === "ended"
        ? "Your session has ended."
        : `Your session ends in ${minutes === 1 ? "a minute" : `${minutes} minutes`}.`;
    const link = document.createElement("a");
    link.textContent = "Sign in again";
    link.href = login();
    if (window.top !== window) {
      // A provider refuses to be framed: whoever framed this page knows how to sign in again.
      link.addEventListener("click", (event) => {
        event.preventDefault();
        location.reload();
      });
    }
    line.append(text, link);
    root.append(line);
    document.body.append(bar);
  };

  document.addEventListener("visibilitychange", look);
  window.addEventListener("online", look);
  look();
})();
