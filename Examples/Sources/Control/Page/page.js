// The operators' page. It shows what Control's API answers, and changes the policy by that.
//
// What people wrote, such as a reason, is put into the document as text and never as HTML.
// The token is kept in sessionStorage: it ends with the tab, and no other site's page can have the browser send it.

const byId = (id) => document.getElementById(id);

/** Sets a text, if it is another one: a screen reader reads out what is set. */
function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

let token = sessionStorage.getItem("token");
/** What the API last said about the policy that runs. */
let status = null;
/** The change that is being looked at, before it is made. */
let proposal = null;
let historyLimit = 20;
/** Counts looks at the API and sign-outs. What a look brings after the next one has begun is dropped. */
let looks = 0;

// MARK: The API

/** An answer that is no 200, with the API's own words. */
class Refusal extends Error {
  constructor(code, answer) {
    super(answer.error?.message ?? `Control answered ${code}.`);
    this.code = code;
    this.revision = answer.revision;
  }
}

async function ask(method, path, body, revision) {
  const headers = { Authorization: `Bearer ${token}` };
  if (revision !== undefined) headers["If-Match"] = `"${revision}"`;
  let response, answer;
  try {
    const signal = AbortSignal.timeout(10_000);
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), credentials: "omit", signal });
    answer = await response.json();
  } catch (error) {
    throw new Error(`Control gives no answer (${error.message}).`);
  }
  if (response.ok) return answer;
  throw new Refusal(response.status, answer);
}

// MARK: Signing in

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  signIn();
});

byId("sign-out").addEventListener("click", () => signOut(""));

async function signIn() {
  try {
    if (!/^[!-~]+$/.test(token)) throw new Error("That is no token: it has characters that no token has.");
    showStatus(await ask("GET", "/rollout/status"));
  } catch (error) {
    return signOut(error.message);
  }
  sessionStorage.setItem("token", token);
  byId("token").value = "";
  byId("sign-in").hidden = true;
  byId("operations").hidden = byId("sign-out").hidden = false;
  look();
}

function signOut(problem) {
  looks += 1;
  token = status = proposal = null;
  sessionStorage.removeItem("token");
  setText("said", "");
  setText("sign-in-problem", problem);
  byId("sign-in").hidden = false;
  byId("operations").hidden = byId("sign-out").hidden = true;
  byId("token").focus();
}

// MARK: Looking

/** Asks for everything that is shown. Each part shows its answer, or why there is none. */
async function look() {
  looks += 1;
  await Promise.all([
    show("state", "/rollout/status", showStatus),
    show("figures", "/rollout/figures", showFigures),
    show("fleet", "/rollout/fleet", showFleet),
    show("history", `/rollout/history?limit=${historyLimit}`, showHistory),
  ]);
}

async function show(id, path, body) {
  const mine = looks;
  let problem = "";
  try {
    const answer = await ask("GET", path);
    if (mine !== looks) return;
    body(answer);
  } catch (error) {
    if (mine !== looks) return;
    if (error.code === 401) return signOut(error.message);
    problem = error.message;
  }
  const part = byId(id);
  const line = part.querySelector(".problem");
  if (line.textContent !== problem) line.textContent = problem;
  part.querySelector(".answer").hidden = problem !== "";
}

async function lookAgain() {
  if (!document.hidden && !byId("operations").hidden) await look();
  setTimeout(lookAgain, 2_000);
}

const percent = (buckets) => `${(buckets / 10_000).toLocaleString("en", { maximumFractionDigits: 4 })} %`;

const release = (versions) => Object.entries(versions).map(([part, version]) => `${part} ${version}`).join(", ");

/** `revision 8: stable 75 % (app v1), canary 25 % (app v2)` */
function described() {
  const variants = chosen().variants.map((variant) => {
    const marks = ["disabled", "draining", "stopped"].filter((mark) => variant[mark]);
    return [`${variant.name} ${variant.percent} % (${release(variant.release)})`, ...marks].join(", ");
  });
  return `revision ${status.revision}: ${variants.join("; ")}`;
}

/** The rollout that was chosen, as it runs. */
const chosen = () => status.policy.rollouts[byId("rollout").value];

/** The variant whose share can be moved, or undefined. */
function movable() {
  const { strategy, variants } = chosen();
  return ["canary", "shadow"].includes(strategy) ? variants[1] : undefined;
}

function showStatus(answer) {
  status = answer;
  const names = Object.keys(status.policy.rollouts);
  const select = byId("rollout");
  if ([...select.options].map((option) => option.value).join(" ") !== names.join(" ")) {
    const before = select.value;
    select.replaceChildren(...names.map((name) => new Option(name, name, false, name === before)));
  }
  showChosen();
}

function showChosen() {
  const applied = new Date(status.policy.appliedAt * 1000).toLocaleString();
  setText("revision", `${status.revision}, since ${applied}, digest ${status.digest.slice(0, 12)}`);
  setText("serves", `${chosen().strategy}, ${described()}`);
  setText("store", `${status.store.name}: ${status.store.problem ?? "reached"}`);
  setText("driver", driven());

  const second = movable();
  byId("share").disabled = !second;
  byId("promote").disabled = byId("abort").disabled = !second;
  // What the operator has drawn stays until it is applied or discarded.
  if (proposal?.action !== "update") byId("slider").value = byId("percent").value = second?.percent ?? 0;
  showProposal();
}

function driven() {
  if (!status.leads) {
    return "Another process of Control drives, or none does. What the driver has done is in the history.";
  }
  const { rollout, waiting, canary, adaptation, readings } = status.progression;
  const doing = waiting ? `waits: ${waiting}` : canary?.text ?? adaptation?.text ?? "has judged nothing yet";
  const missed = readings.failed + readings.unusable;
  return `This process drives ${rollout}: ${doing}` + (missed ? `\n${missed} readings were of no use.` : "");
}

byId("rollout").addEventListener("change", () => {
  proposal = null;
  showChosen();
});

function row(...cells) {
  const line = document.createElement("tr");
  for (const cell of cells) line.insertCell().textContent = cell;
  return line;
}

function showFigures({ versions }) {
  byId("figures").querySelector("tbody").replaceChildren(...versions.map((version) => {
    const share = version.requests ? ` (${(100 * version.failures / version.requests).toFixed(2)} %)` : "";
    const p95 = version.p95 === null ? "none" : `${Math.round(version.p95 * 1000)} ms`;
    return row(version.variant, version.version, version.requests, version.failures + share, p95);
  }));
}

function showFleet({ processes }) {
  const newest = Math.max(...processes.map((process) => process.revision));
  byId("fleet").querySelector("tbody").replaceChildren(...processes.map((process) => {
    const isBehind = process.revision !== null && process.revision < newest;
    const problem = process.problem ?? (isBehind ? `Behind: revision ${newest} runs elsewhere.` : "");
    return row(process.address, process.revision ?? "unknown", problem);
  }));
}

function showHistory({ entries, next }) {
  byId("history").querySelector("ol").replaceChildren(...entries.map((entry) => {
    const line = document.createElement("li");
    const what = entry.revision === null ? entry.action : `revision ${entry.revision}`;
    const who = [entry.subject ?? "nobody known", entry.address && `from ${entry.address}`].filter(Boolean).join(" ");
    const head = [entry.outcome, what, who, new Date(entry.time * 1000).toLocaleString()].filter(Boolean).join(" · ");
    line.textContent = [head, entry.reason, entry.error?.message].filter(Boolean).join("\n");
    return line;
  }));
  byId("more").hidden = next === null || historyLimit === 200;
}

byId("more").addEventListener("click", () => {
  historyLimit = 200;
  look();
});

// MARK: Changing

/** Has the operator look at what a change would move. Nothing is changed yet. */
function propose(action, words, body, base = status.revision, seen = described()) {
  proposal = { action, words, body: { rollout: byId("rollout").value, ...body }, base, seen, plan: "", problem: "" };
  setText("said", "");
  showProposal();
}

async function plan() {
  const planned = proposal;
  try {
    const { movement, text } = await ask("POST", `/rollout/plan/${planned.action}`, planned.body, planned.base);
    planned.plan = [text, ...flows(movement.rollouts[planned.body.rollout]?.matrix ?? {})].join("\n");
  } catch (error) {
    refused(planned, error);
  }
  if (planned === proposal) showProposal();
}

/** `15 % of all units go from stable to canary.` */
function flows(matrix) {
  return Object.entries(matrix).flatMap(([from, row]) =>
    Object.entries(row)
      .filter(([to]) => to !== from)
      .map(([to, buckets]) => `${percent(buckets)} of all units go from ${from} to ${to}.`));
}

/** If another revision runs by now, a look shows the conflict. Else the API's words are shown. */
function refused(change, error) {
  if (error.code === 409 && error.revision > change.base) {
    look();
  } else {
    change.problem = error.message;
  }
}

function showProposal() {
  byId("proposal").hidden = !proposal;
  if (!proposal) return;
  const isConflict = status.revision > proposal.base;
  setText("wanted", proposal.words);
  if (isConflict) {
    setText("seen", proposal.seen);
    setText("runs", described());
    setText("wants", proposal.words);
    setText("rebase", `See it on revision ${status.revision}`);
  }
  byId("conflict").hidden = !isConflict;
  setText("plan", isConflict ? "" : proposal.problem || proposal.plan || "…");
  byId("apply").hidden = isConflict;
  byId("apply").disabled = !proposal.plan || proposal.isSent;
  setText("apply", `Apply to revision ${proposal.base}`);
  setText("discard", isConflict ? `Keep revision ${status.revision}` : "Discard");
}

/** Proposes the change anew, on what runs now. It still has to be applied. */
byId("rebase").addEventListener("click", () => {
  propose(proposal.action, proposal.words, proposal.body);
  plan();
  byId("discard").focus();
});

byId("discard").addEventListener("click", () => {
  proposal = null;
  showChosen();
  byId("reason").focus();
});

byId("apply").addEventListener("click", async () => {
  const made = proposal;
  made.isSent = true;
  showProposal();
  try {
    await change(made.action, made.words, made.body, made.base);
    if (proposal === made) proposal = null;
    look();
  } catch (error) {
    made.isSent = false;
    refused(made, error);
    if (proposal === made) showProposal();
  }
});

byId("abort").addEventListener("click", async () => {
  try {
    // Without the revision that was seen: an abort is made whatever runs.
    await change("abort", "abort", { rollout: byId("rollout").value });
  } catch (error) {
    setText("said", error.message);
  }
  look();
});

async function change(action, words, body, base) {
  const reason = byId("reason").value.trim();
  const { revision } = await ask("POST", `/rollout/${action}`, reason ? { ...body, reason } : body, base);
  byId("reason").value = "";
  setText("said", `Revision ${revision} is stored: ${words}`);
  byId("said").focus();
}

/** Proposes a share, on the revision that was seen when the operator began to draw. */
let drawn;
function draw(text) {
  const begun = proposal?.action === "update" ? proposal : {};
  propose("update", `${movable().name} at ${text} %`, { canary_percentage: text }, begun.base, begun.seen);
  clearTimeout(drawn);
  drawn = setTimeout(() => { if (proposal) plan(); }, 150);
}

byId("slider").addEventListener("input", () => draw(byId("percent").value = byId("slider").value));
byId("percent").addEventListener("input", () => draw(byId("slider").value = byId("percent").value));

function proposeNow(action, words, body) {
  propose(action, words, body);
  plan();
  byId("proposal").scrollIntoView({ block: "nearest" });
}

byId("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const [version, share] = [byId("version").value, byId("start-percent").value];
  proposeNow("start", `a canary of ${version} at ${share} %`, { version, percent: share });
});

byId("rollback").addEventListener("submit", (event) => {
  event.preventDefault();
  const revision = byId("back-to").valueAsNumber;
  proposeNow("rollback", `everything of this rollout as in revision ${revision}`, { revision });
});

byId("promote").addEventListener("click", () => proposeNow("promote", "the canary for everybody", {}));

if (token) signIn();
else signOut("");
lookAgain();
