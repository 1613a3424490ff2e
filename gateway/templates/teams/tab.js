// The page of a tab whose visitor is nobody yet: asks Teams for a token, sends it to the gateway for a
// session, and loads the same address again. Where Teams has no token to give, a window asks.
"use strict";
(() => {
  const BASE = "/.portcullis/teams/";
  const PATIENCE = 8000;
  const teams = window.microsoftTeams;

  function show(step) {
    for (const part of document.querySelectorAll("[data-step]")) part.hidden = part.dataset.step !== step;
    const outside = document.querySelector("[data-outside]");
    if (outside) outside.hidden = !["outside", "cookies", "ask", "failed"].includes(step);
  }

  const inTime = (promise) =>
    Promise.race([promise, new Promise((_, late) => setTimeout(() => late(new Error("late")), PATIENCE))]);

  const text = (bytes) =>
    btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  /** Goes on with a session, or says why there is none. */
  async function goOn(answer) {
    if (answer.status === 204) {
      const me = await fetch("/.portcullis/me", { headers: { accept: "application/json" } });
      return me.ok ? location.reload() : show("cookies");
    }
    show({ 401: "ask", 403: "refused" }[answer.status] ?? "failed");
  }

  async function silently() {
    let token;
    try {
      token = await inTime(teams.authentication.getAuthToken());
    } catch {
      // No consent yet, a guest, or an old app. A window may only open when somebody clicks.
      return show("ask");
    }
    await goOn(await fetch(BASE + "session", { method: "POST", headers: { authorization: `Bearer ${token}` } }));
  }

  async function inAWindow() {
    const verifier = text(crypto.getRandomValues(new Uint8Array(32)));
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    const challenge = text(new Uint8Array(digest));
    const url = `${location.origin}${BASE}popup-start?challenge=${challenge}`;
    let code;
    try {
      code = await teams.authentication.authenticate({ url, width: 600, height: 640 });
    } catch {
      return show("ask");
    }
    show("working");
    await goOn(await fetch(BASE + "redeem", { method: "POST", body: new URLSearchParams({ code, verifier }) }));
  }

  const failed = () => show("failed");
  document.getElementById("sign-in").addEventListener("click", () => inAWindow().catch(failed));
  (async () => {
    try {
      await inTime(teams.app.initialize());
    } catch {
      return show("outside");
    }
    await silently();
  })().catch(failed);
})();
