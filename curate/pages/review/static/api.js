// Talking to the server. A change is only told as saved when the server says so.

async function answer(response) {
  const type = response.headers.get("content-type") || "";
  const body = type.includes("json") ? await response.json() : { problem: await response.text() };
  if (!response.ok) throw new Error(body.problem || `the server answered ${response.status}`);
  return body;
}

export async function get(path) {
  return answer(await fetch(path, { headers: { accept: "application/json" } }));
}

export async function post(path, body = {}, signal) {
  return answer(
    await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal }),
  );
}
