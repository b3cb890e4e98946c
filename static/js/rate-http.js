// Requests of the desk. Every answer that is not the expected one becomes one of three named failures.

export class Unreachable extends Error {}
export class SignedOut extends Error {}
export class Refused extends Error {
  constructor(status, data) {
    super(data.message || `The site answered ${status}.`);
    this.status = status;
    this.data = data;
  }
}

async function send(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", redirect: "error", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("The site cannot be reached.");
  }
  if (response.headers.has("HX-Redirect")) throw new SignedOut("You are signed out.");
  return response;
}

/** POSTs form data; resolves with the response, or throws Unreachable, SignedOut or Refused. */
export async function post(url, data, { keepalive = false } = {}) {
  const headers = { "HX-Request": "true", "X-CSRFToken": data.get("csrfmiddlewaretoken") || "" };
  const response = await send(url, { method: "POST", body: new URLSearchParams(data), headers, keepalive });
  if (response.ok) return response;
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  throw new Refused(response.status, isJson ? await response.json() : {});
}

/** GETs JSON; null for an empty answer (204). */
export async function getJson(url, signal) {
  const response = await send(url, { headers: { "HX-Request": "true" }, signal });
  if (response.status === 204) return null;
  if (!response.ok) throw new Refused(response.status, {});
  return response.json();
}
