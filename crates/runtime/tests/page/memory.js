// Looks for a session in the memory of the module. The test itself runs in the same memory, so that what is searched for stays out here.

let session = '';

/** Remembers the session of a request. */
export function remember(request) {
  session = request.session;
}

/** How often its id is there, as bytes or as text. */
export function times_in(memory) {
  const bytes = new Uint8Array(memory.buffer);
  const raw = Uint8Array.from(session.match(/../g), (pair) => parseInt(pair, 16));
  return [raw, new TextEncoder().encode(session)].reduce((sum, needle) => sum + times(bytes, needle), 0);
}

function times(bytes, needle) {
  let found = 0;
  for (let at = bytes.indexOf(needle[0]); at >= 0; at = bytes.indexOf(needle[0], at + 1)) {
    if (needle.every((byte, index) => bytes[at + index] === byte)) found += 1;
  }
  return found;
}
