// Keeps the page true without reloading it: events say when, the server says what. Without this script the page
// reloads itself, and its forms work as they are.
"use strict";
(() => {
  const watched = document.querySelector("[data-watch]");
  if (!watched) return;
  const address = watched.dataset.watch;
  const live = document.querySelector("[data-live]");
  const refusal = document.querySelector("[data-refusal]");
  const SOON = 120, AGAIN = 2500;
  let timer = 0, busy = false, wanted = false;

  function showLive(on) {
    live.hidden = false;
    live.classList.toggle("on", on);
    live.querySelector("[data-on]").hidden = !on;
    live.querySelector("[data-off]").hidden = on;
  }

  // A list that is open or being filled in must not be pulled from under the reader's hand.
  const inUse = (part) => part.contains(document.activeElement) && document.activeElement.tagName === "SELECT";

  // What was chosen and is not sent yet: other than what the server says.
  const chosen = (root) => [...root.querySelectorAll("select")]
    .filter((list) => list.selectedIndex !== Math.max(0, [...list.options].findIndex((item) => item.defaultSelected)))
    .map((list) => [list.id, list.value]);

  function chooseAgain(choices) {
    for (const [id, value] of choices) {
      const list = document.getElementById(id);
      if (list && [...list.options].some((item) => item.value === value)) list.value = value;
    }
  }

  function replace(part, fresh) {
    if (part.innerHTML === fresh.innerHTML && part.className === fresh.className) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...part.querySelectorAll("details[open]")].map((item) => item.id);
    const choices = chosen(part);
    const scrolled = [...part.querySelectorAll(".scroll")].map((item) => item.scrollTop);
    part.className = fresh.className;
    part.replaceChildren(...fresh.childNodes);
    chooseAgain(choices);
    open.forEach((id) => { const item = document.getElementById(id); if (item) item.open = true; });
    part.querySelectorAll(".scroll").forEach((item, at) => { item.scrollTop = scrolled[at] || 0; });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  function apply(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const before = [...watched.querySelectorAll("[data-part]")].map((part) => part.dataset.part).join();
    const after = [...fresh.querySelectorAll("[data-part]")].map((part) => part.dataset.part).join();
    if (before !== after) {
      const choices = chosen(watched);
      watched.replaceChildren(...fresh.body.childNodes);
      chooseAgain(choices);
      return;
    }
    for (const part of watched.querySelectorAll("[data-part]")) {
      const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!inUse(part)) replace(part, other);
    }
  }

  async function refresh() {
    if (busy) { wanted = true; return; }
    busy = true;
    try {
      const answer = await fetch(`${address}/parts`, { cache: "no-cache" });
      if (answer.ok) apply(await answer.text());
    } catch { /* The server is away; the next turn tries again. */ }
    busy = false;
    if (wanted) { wanted = false; soon(); }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(refresh, SOON);
  }

  async function send(action, fields) {
    try {
      const answer = await fetch(action, { method: "POST", body: fields, headers: { Accept: "application/json" } });
      const text = answer.ok ? "" : ((await answer.json()).error ?? "");
      refusal.textContent = text;
      refusal.hidden = !text;
    } catch { location.reload(); }
    soon();
  }

  // One after the other: keys that are pressed quickly come to the terminal in their order.
  let sent = Promise.resolve();

  function submit(event) {
    const form = event.target;
    if (form.method !== "post") return;
    event.preventDefault();
    const action = form.action, fields = new URLSearchParams(new FormData(form, event.submitter));
    sent = sent.then(() => send(action, fields));
  }

  document.addEventListener("submit", submit);
  const source = new EventSource(`${address}/live`);
  source.addEventListener("open", () => { showLive(true); soon(); });
  source.addEventListener("error", () => showLive(false));
  source.addEventListener("event", soon);
  source.addEventListener("changed", soon);
  // What no event tells (a key pressed at the terminal, a stream that is gone) is seen a moment later.
  setInterval(() => { if (!document.hidden) refresh(); }, AGAIN);
})();
