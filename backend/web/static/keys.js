// A person's own passkey: registered here, and used to sign approvals (W3C Web Authentication).
(() => {
  const toText = (data) => btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  const fromHex = (text) => Uint8Array.from(text.match(/../g), (two) => parseInt(two, 16));
  const able = Boolean(window.isSecureContext && navigator.credentials && window.PublicKeyCredential);

  class Told extends Error {}

  async function ask(address, body) {
    const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const said = await answer.json();
    if (answer.ok) return said;
    throw new Told((document.documentElement.lang === "en" ? said.en : said.zh) || answer.statusText);
  }

  async function sign(challenge, credentials) {
    const wanted = credentials.map((id) => ({ type: "public-key", id: toBytes(id) }));
    const found = await navigator.credentials.get({ publicKey: { challenge, allowCredentials: wanted, userVerification: "required" } });
    const { signature, authenticatorData, clientDataJSON } = found.response;
    return { credential: toText(found.rawId), value: toText(signature), authenticator_data: toText(authenticatorData), client_data: toText(clientDataJSON) };
  }

  async function add(form) {
    const { person, login, name, site } = form.dataset;
    const made = await navigator.credentials.create({
      publicKey: {
        challenge: crypto.getRandomValues(new Uint8Array(32)),
        rp: { name: site },
        user: { id: new TextEncoder().encode(person), name: login || name, displayName: name },
        pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -8 }],
        authenticatorSelection: { userVerification: "required" },
        attestation: "none",
      },
    });
    const key = toText(made.response.getPublicKey());
    const { challenge } = await ask("/api/v1/signing-keys/challenge", { public_key: key });
    const proof = await sign(toBytes(challenge), [toText(made.rawId)]);
    const { label, password } = form.elements;
    await ask("/api/v1/signing-keys", { public_key: key, label: label.value, password: password.value, form: "webauthn", ...proof });
    location.assign("/me/keys?done=add");
  }

  async function approve(form) {
    const credentials = form.dataset.credentials.split(" ");
    const keys = form.elements.keys.value.split(" ");
    const { credential, ...proof } = await sign(fromHex(form.dataset.challenge), credentials);
    form.elements.key.value = keys[credentials.indexOf(credential)];
    for (const [name, value] of Object.entries(proof)) form.elements[name].value = value;
    form.submit();
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const act = { "add-key": add, "sign-approval": approve }[form.id];
    if (!act) return;
    event.preventDefault();
    const said = form.querySelector("[role=status]");
    const button = form.querySelector("button");
    said.textContent = "";
    button.disabled = true;
    form.dataset.busy = "";
    try {
      await act(form);
    } catch (error) {
      said.textContent = error instanceof Told ? error.message : form.dataset.failed;
      said.classList.add("bad-text");
      button.disabled = false;
      delete form.dataset.busy;
    }
  });

  // Without this script nothing of these forms may leave the page: their buttons wait for it.
  const ready = (within) => {
    for (const form of within.querySelectorAll("#add-key, #sign-approval")) {
      const button = form.querySelector("button");
      if (form.dataset.cannot && !able) form.querySelector("[role=status]").textContent = form.dataset.cannot;
      else if (button) button.disabled = false;
    }
  };
  ready(document);
  document.addEventListener("htmx:load", (event) => ready(event.detail.elt));
})();
