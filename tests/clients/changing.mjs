// For scripts and pages: change the experiment as its owner does, and wait until a client has noticed.

export async function act({ url, manager, experiment }, action, body = {}) {
  const response = await fetch(`${url}/api/v1/experiments/${experiment}/${action}`, {
    method: "POST",
    headers: { authorization: `Bearer ${manager}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${action}: ${response.status} ${await response.text()}`);
}

/** The first answer that `isSo`, looked for until the deadline; the last answer where none is. */
export async function until(look, isSo, seconds = 15) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (isSo(found) || Date.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
