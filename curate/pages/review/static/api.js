// Talking to the server. A change is only told as saved when the server says so, and changes arrive in their order:
// an undo that overtook the decision before it would take back another one.

async function answer(response) {
  const type = response.headers.get("content-type") || "";
  const body = type.includes("json") ? await response.json() : { problem: await response.text() };
  if (!response.ok) throw Object.assign(new Error(body.problem || `the server answered ${response.status}`), { status: response.status });
  return body;
}

export async function get(path) {
  return answer(await fetch(path, { headers: { accept: "application/json" } }));
}

let last = Promise.resolve();
export function change(path, body = {}) {
  const sent = last.then(() => post(path, body));
  last = sent.catch(() => {});
  return sent;
}

export async function post(path, body = {}, signal) {
  return answer(
    await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal }),
  );
}
