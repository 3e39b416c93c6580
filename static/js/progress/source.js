/** Where progress comes from: the event stream, or asking again and again where no stream can be had. */

/** @typedef {import("./series.js").Point & {done?: boolean}} Progress */

const POLL_MS = 2000;
/** A refused stream means the server is busy, so it is asked less often. */
const SLOW_POLL_MS = 10_000;

/**
 * @param {{stream: string | undefined, poll: string | undefined}} urls
 * @param {(progress: any) => void} take
 * @param {(stale: boolean) => void} lost told true when nothing can be reached, false when it works again
 * @param {() => void} [slow] told when no stream can be had
 * @returns {() => void} stops it
 */
export function follow(urls, take, lost, slow = () => undefined) {
  let stopped = false;
  let timer = 0;
  let pause = POLL_MS;
  /** @type {EventSource | null} */
  let source = null;
  const stop = () => {
    stopped = true;
    source?.close();
    clearTimeout(timer);
  };
  /** @param {any} progress */
  const give = (progress) => {
    if (stopped) return;
    lost(false);
    take(progress);
    if (progress.done) stop();
  };
  const poll = async () => {
    if (stopped || !urls.poll) return;
    try {
      const answer = await fetch(urls.poll, { headers: { Accept: "application/json" }, cache: "no-cache" });
      if (answer.ok) give(await answer.json());
      else lost(true);
    } catch {
      lost(true);
    }
    if (!stopped) timer = window.setTimeout(() => void poll(), pause);
  };
  if (!urls.stream || typeof EventSource === "undefined") {
    void poll();
    return stop;
  }
  source = new EventSource(urls.stream);
  for (const name of ["message", "progress"]) {
    source.addEventListener(name, (event) => give(JSON.parse(/** @type {MessageEvent} */ (event).data)));
  }
  source.addEventListener("error", () => {
    // The browser tries again by itself unless the server refused the stream for good.
    if (source?.readyState !== EventSource.CLOSED) return lost(true);
    source = null;
    pause = SLOW_POLL_MS;
    slow();
    if (urls.poll) void poll();
    else lost(true);
  });
  return stop;
}
