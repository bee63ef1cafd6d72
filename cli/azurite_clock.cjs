"use strict";
// What time is it for Azurite? Loaded before it (node --require), this lets Azurite live in the local Azure's time.
//
// Azurite reads the time from `Date` alone. Before each request it is set to what the local Azure's clock shows, and
// the local Azure is told when the next message becomes visible, so that its time can jump there. Nothing else of
// Azurite is changed, and the product knows nothing of it.
//
// A message that was received and not deleted (its host died) is announced to nobody: it comes back in time, but is
// noticed only when something else makes time pass. Tokens live in real time, as everywhere on the local stage.

const https = require("node:https");
const path = require("node:path");

const CONTROL = process.env.FLEXGUARD_CONTROL;
const NEVER_BEHIND = Number.MAX_SAFE_INTEGER; // a turn that is never overtaken: Azurite keeps nobody from jumping
const agent = new https.Agent({ keepAlive: true });

const RealDate = Date;
let now = RealDate.now();
let visible = []; // when hidden messages will be visible, in milliseconds
let told = null;

globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    if (given.length) super(...given);
    else super(now);
  }
  static now() {
    return now;
  }
};

function ask(method, operation, body) {
  return new Promise((resolve, reject) => {
    const request = https.request(`${CONTROL}${operation}`, { method, agent }, (answer) => {
      let text = "";
      answer.on("data", (part) => (text += part));
      answer.on("end", () => (answer.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text))));
    });
    request.on("error", reject);
    request.end(body && JSON.stringify(body));
  });
}

async function setClock(method, url) {
  now = RealDate.parse((await ask("GET", "/clock")).now);
  const hidden = /\/messages.*[?&]visibilitytimeout=(\d+)/.exec(url);
  if (hidden && method !== "GET") visible.push(now + 1000 * hidden[1]);
  visible = visible.filter((at) => at > now);
  const next = visible.length ? new RealDate(Math.min(...visible)).toISOString() : null;
  if (next === told) return;
  told = next;
  await ask("POST", "/busy", { holder: "azurite", busy: false, turn: NEVER_BEHIND, wake_at: next });
}

const emit = https.Server.prototype.emit;
https.Server.prototype.emit = function (event, request, response, ...rest) {
  if (event !== "request") return emit.call(this, event, request, response, ...rest);
  setClock(request.method, request.url)
    .catch((error) => console.error(`the local Azure does not say what time it is: ${error.message}`))
    .then(() => {
      response.setHeader("date", new Date().toUTCString()); // else Node would write the real one
      emit.call(this, event, request, response);
    });
  return true;
};

const tokens = require(require.resolve("jsonwebtoken", { paths: [path.dirname(process.argv[1])] }));
const decode = tokens.decode;
tokens.decode = (...given) => {
  const claims = decode(...given);
  const ahead = Math.round((now - RealDate.now()) / 1000);
  for (const name of ["iat", "nbf", "exp"]) if (claims && claims[name] !== undefined) claims[name] += ahead;
  return claims;
};
