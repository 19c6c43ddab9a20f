// Shows who you are and asks one question. What a model says is text: it never becomes markup.

let shown = null; // the id of the answer on the page, and its question

const part = (id) => document.getElementById(id);

async function begin() {
  const answer = await fetch("/v1/me");
  part(answer.ok ? "signed-in" : "signed-out").hidden = false;
  if (!answer.ok) return;
  const me = await answer.json();
  part("who").textContent = `${me.subject} of ${me.tenant}, ${me.roles.join(", ") || "no role here"}`;
  part("model").replaceChildren(...me.models.map((name) => new Option(name, name)));
  part("data-class").replaceChildren(...me.all_data_classes.map((name) => dataClass(name, me)));
  part(me.models.length ? "ask" : "may-not-ask").hidden = false;
  part("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  part("rating").addEventListener("submit", (event) => {
    event.preventDefault();
    rate(Number(event.submitter.value));
  });
}

// Whoever has more sensitive data than the role may send shall see it, rather than declare less.
function dataClass(name, me) {
  const isDefault = name === me.default_data_class;
  const option = new Option(isDefault ? `${name} (default)` : name, name, isDefault, isDefault);
  option.disabled = !me.data_classes.includes(name);
  if (option.disabled) option.text = `${name} (not for your role: do not paste it here)`;
  return option;
}

async function ask() {
  for (const id of ["answer", "fault", "receipt", "rated"]) part(id).textContent = "";
  part("rating").hidden = true;
  part("rating").reset();
  part("send").disabled = true;
  try {
    const answer = await fetch("/v1/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Data-Class": part("data-class").value },
      body: JSON.stringify({
        model: part("model").value,
        stream: true,
        messages: [{ role: "user", content: part("question").value }],
      }),
    });
    if (answer.ok) await read(answer.body);
    else complain((await answer.json()).error);
  } catch {
    complain({ message: "The answer broke off. Ask again." });
  } finally {
    part("send").disabled = false;
  }
}

// An answer is whole only when [DONE] has come.
async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  let whole = false;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const events = (waiting + piece.value).split("\n\n");
    waiting = events.pop();
    for (const event of events) whole = show(event.replace(/^data: /, "")) || whole;
  }
  if (!whole && !part("fault").textContent) throw new Error("cut");
}

function show(data) {
  if (data === "[DONE]") return true;
  const chunk = JSON.parse(data);
  if (chunk.error) complain(chunk.error);
  else part("answer").textContent += chunk.choices[0]?.delta.content ?? "";
  if (chunk.receipt) {
    part("receipt").textContent = told(chunk.receipt);
    shown = { id: chunk.id, question: part("question").value };
    part("rating").hidden = false;
  }
  return false;
}

async function rate(score) {
  const said = { response_id: shown.id, score };
  if (part("share").checked) {
    said.conversation = [
      { role: "user", content: shown.question },
      { role: "assistant", content: part("answer").textContent },
    ];
  }
  const answer = await fetch("/v1/feedback", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(said),
  });
  const told = await answer.json();
  if (!answer.ok) return complain(told.error);
  const shared = told.shared ? `, shared until ${told.expires_at.slice(0, 10)}` : "";
  part("rated").textContent = `Noted${shared}. Rate again to change it.`;
}

function told(receipt) {
  const cost = receipt.cost_usd === null ? "cost unknown" : `$${receipt.cost_usd.toFixed(6)}`;
  const tokens = `${receipt.input_tokens}+${receipt.output_tokens} tokens`;
  const tried = `${receipt.attempts} attempt${receipt.attempts > 1 ? "s" : ""}${receipt.fallback ? ", a fallback" : ""}`;
  const where = `${receipt.deployment} (${receipt.region}), ${receipt.data_class}, ${tried}`;
  return `${where}, ${tokens}, ${cost}, ${receipt.latency_ms} ms, audit ${receipt.audit_id}`;
}

function complain(error) {
  part("fault").textContent = error.request_id ? `${error.message} (request ${error.request_id})` : error.message;
}

begin();
