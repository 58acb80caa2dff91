/** Keeps the page current by server-sent events, and shows when it is not. */

/** The watchdog sends something every second. */
const STALE_AFTER_MS = 5_000;
/** Before a connection that the browser has given up is tried again. */
const RETRY_MS = 3_000;

const connection = document.getElementById("connection");
const { version } = document.body.dataset;
const age = document.getElementById("age");
let lastMs = Date.now();
let isLive = false;
const notLive = connection.textContent;

/** Replaces what changed. Focus, opened details and scrolled tables stay as they are. */
function apply({ title, version: sent, sections }) {
  // Its script and stylesheet may be others.
  if (sent !== version) return location.reload();
  document.title = title;
  for (const [id, content] of Object.entries(sections)) replace(document.getElementById(`${id}-content`), content);
}

function replace(element, content) {
  if (element === null) return;
  const focused = element.contains(document.activeElement) ? focusableOf(document.activeElement) : null;
  const opened = [...element.querySelectorAll("details[open]")].map(({ id }) => id);
  const scrolled = [...element.querySelectorAll(".wide")].map(({ id, scrollLeft }) => ({ id, scrollLeft }));
  element.innerHTML = content;
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  for (const { id, scrollLeft } of scrolled) document.getElementById(id)?.scrollTo({ left: scrollLeft });
  if (focused !== null) document.querySelector(focused)?.focus({ preventScroll: true });
}

/** A selector of the element with the focus: a table has an id, a summary its details' one. */
function focusableOf({ id, parentElement }) {
  return id !== "" ? `#${id}` : `#${parentElement.id} > summary`;
}

/**
 * A page that stands still must not look like one that is fine. The sentence changes only when the connection does, as
 * screen readers announce it; the age is apart from it.
 */
function showConnection() {
  const silentMs = Math.abs(Date.now() - lastMs);
  const isStale = silentMs > STALE_AFTER_MS;
  document.body.classList.toggle("stale", isStale);
  const since = new Date(lastMs).toISOString().slice(11, 19);
  const sentence = isStale
    ? `Connection lost: everything below is as of ${since} UTC or older.`
    : isLive
      ? ""
      : notLive;
  if (connection.textContent !== sentence) connection.textContent = sentence;
  connection.hidden = sentence === "";
  age.textContent = isStale ? `The last message from the watchdog came ${Math.round(silentMs / 1_000)} s ago.` : "";
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("status", ({ data }) => {
    lastMs = Date.now();
    isLive = true;
    apply(JSON.parse(data));
    showConnection();
  });
  events.addEventListener("error", () => {
    // While it connects, the browser itself tries again.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_MS);
  });
}

listen();
setInterval(showConnection, 1_000);
