// The proxy's events, for as long as the page is open. EventSource can't send a token, so it is fetched and read.
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10000;
const SILENCE = 5000; // it speaks once a second
const KEPT = "readaside-admin-token";

// Gives the events in what has come so far, and what is left of the text.
export function parse(text) {
  const events = [];
  const blocks = text.split("\n\n");
  const rest = blocks.pop();
  for (const block of blocks) {
    let name = "message";
    const data = [];
    for (const line of block.split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data.push(line.slice(6));
    }
    events.push({ name, data: data.join("\n") });
  }
  return { events, rest };
}

// What a header can carry; what else somebody has typed isn't the token.
const sendable = (text) => /^[\x21-\x7e]+$/.test(text);

async function askUntilSendable(ask, wasWrong) {
  let given = await ask(wasWrong);
  while (!sendable(given)) given = await ask(true);
  return given;
}

export function token() {
  return sessionStorage.getItem(KEPT);
}

async function read(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const { events, rest } = parse(text + value);
    text = rest;
    for (const { name, data } of events) heard(name, JSON.parse(data));
  }
}

// on.live(object), on.event(object), on.state("connected" | "lost", text), on.token(wasWrong): a promise of one.
export async function follow(on) {
  let pause = FIRST_PAUSE;
  for (;;) {
    let said = "The proxy doesn’t answer";
    const abort = new AbortController();
    let silence = setTimeout(() => abort.abort(), SILENCE);
    try {
      const shown = token();
      const headers = shown === null ? {} : { Authorization: "Bearer " + shown };
      const reply = await fetch("/admin/events", { headers, cache: "no-store", signal: abort.signal });
      if (reply.status === 401) {
        clearTimeout(silence);
        on.state("lost", "A token is wanted");
        sessionStorage.setItem(KEPT, await askUntilSendable(on.token, shown !== null));
        continue;
      }
      if (!reply.ok) {
        said = (await reply.json()).error;
      } else {
        said = "The proxy has ended the connection";
        await read(reply.body, (name, object) => {
          clearTimeout(silence);
          silence = setTimeout(() => abort.abort(), SILENCE);
          pause = FIRST_PAUSE;
          if (name === "live") on.state("connected", "");
          on[name]?.(object);
        });
      }
    } catch (problem) {
      if (problem instanceof SyntaxError) said = "The proxy said something that isn’t JSON";
    } finally {
      clearTimeout(silence);
    }
    on.state("lost", said);
    await new Promise((wake) => setTimeout(wake, pause));
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}
