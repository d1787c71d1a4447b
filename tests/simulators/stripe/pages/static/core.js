// Stripe(key): intents, cards and the challenge, as Stripe.js answers them.
const ORIGIN = new URL(document.currentScript.src).origin;

function integrationError(message) {
  const error = new Error(message);
  error.name = "IntegrationError";
  return error;
}

// {card: {number: 1}} -> [["card[number]", "1"]]; undefined and null are left out.
function pairs(value, name) {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object") return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) =>
    pairs(inner, name ? `${name}[${key}]` : key)
  );
}

async function call(key, method, path, params) {
  const form = new URLSearchParams(pairs({ key, ...params }));
  const url = method === "GET" ? `${ORIGIN}${path}?${form}` : `${ORIGIN}${path}`;
  try {
    const answer = await fetch(url, method === "GET" ? {} : { method, body: form });
    return await answer.json();
  } catch {
    return {
      error: {
        type: "api_connection_error",
        message: "An error occurred with our connection to Stripe. Please try again.",
      },
    };
  }
}

function intentKind(clientSecret) {
  const id = String(clientSecret || "").split("_secret_")[0];
  if (id.startsWith("pi_")) {
    return { id, path: "payment_intents", name: "paymentIntent", error: "last_payment_error" };
  }
  if (id.startsWith("seti_")) {
    return { id, path: "setup_intents", name: "setupIntent", error: "last_setup_error" };
  }
  throw integrationError(`Invalid value for client secret: ${clientSecret}`);
}

function challenge(kind, clientSecret) {
  return new Promise((resolve) => {
    const overlay = document.createElement("div");
    overlay.setAttribute("role", "dialog");
    overlay.setAttribute("aria-modal", "true");
    overlay.setAttribute("aria-label", "Card authentication");
    Object.assign(overlay.style, {
      position: "fixed",
      inset: "0",
      zIndex: "2147483647",
      display: "grid",
      placeItems: "center",
      background: "rgba(20, 24, 35, 0.55)",
    });
    const frame = document.createElement("iframe");
    frame.title = "Card authentication";
    const query = new URLSearchParams({
      client_secret: clientSecret,
      parent: window.location.origin,
    });
    frame.src = `${ORIGIN}/3ds/${kind.id}?${query}`;
    Object.assign(frame.style, {
      width: "min(26rem, 94vw)",
      height: "min(20rem, 94vh)",
      border: "0",
      borderRadius: "12px",
      background: "#fff",
      colorScheme: "light",
    });
    const focused = document.activeElement;
    const done = (event) => {
      if (event.origin !== ORIGIN || event.source !== frame.contentWindow) return;
      if (!event.data || event.data.type !== "challenge-done") return;
      window.removeEventListener("message", done);
      overlay.remove();
      if (focused && focused.focus) focused.focus();
      resolve();
    };
    window.addEventListener("message", done);
    overlay.append(frame);
    document.body.append(overlay);
    frame.focus();
  });
}

// What Stripe.js hands to the page: {paymentIntent} | {setupIntent} | {error}.
async function settled(stripe, clientSecret, answer) {
  const kind = intentKind(clientSecret);
  let intent = answer;
  if (answer.error) return { error: answer.error };
  if (intent.status === "requires_action") {
    await challenge(kind, clientSecret);
    intent = await call(stripe._key, "GET", `/v1/${kind.path}/${kind.id}`, {
      client_secret: clientSecret,
    });
    if (intent.error) return { error: intent.error };
  }
  if (intent.status === "requires_payment_method" && intent[kind.error]) {
    const snake = kind.path.slice(0, -1);
    return { error: { ...intent[kind.error], [snake]: intent } };
  }
  return { [kind.name]: intent };
}

async function confirmWith(stripe, clientSecret, params) {
  const kind = intentKind(clientSecret);
  const answer = await call(stripe._key, "POST", `/v1/${kind.path}/${kind.id}/confirm`, {
    client_secret: clientSecret,
    ...params,
  });
  return settled(stripe, clientSecret, answer);
}

function leave(returnUrl, clientSecret, name) {
  const snake = name === "paymentIntent" ? "payment_intent" : "setup_intent";
  const url = new URL(returnUrl, window.location.href);
  url.searchParams.set(snake, clientSecret.split("_secret_")[0]);
  url.searchParams.set(`${snake}_client_secret`, clientSecret);
  url.searchParams.set("redirect_status", "succeeded");
  window.location.assign(url.href);
  // As with Stripe.js: on the way out the promise stays open.
  return new Promise(() => {});
}

// {payment_method: "pm_…" | {card: element, billing_details}} -> {id} | {error}
async function methodOf(stripe, given) {
  if (!given) return {};
  if (typeof given === "string") return { id: given };
  const card = given.card;
  if (card && card.token) {
    throw integrationError("Tokens are not supported: pass a card element.");
  }
  if (!card || !card._tokenize) throw integrationError("payment_method needs a card element.");
  const made = await card._tokenize(stripe._key, given.billing_details || {});
  return made.error ? made : { id: made.paymentMethod.id };
}

async function confirmCard(stripe, clientSecret, data, options) {
  const method = await methodOf(stripe, (data || {}).payment_method);
  if (method.error) return method;
  const params = { payment_method: method.id, setup_future_usage: (data || {}).setup_future_usage };
  const kind = intentKind(clientSecret);
  if (options && options.handleActions === false) {
    const answer = await call(stripe._key, "POST", `/v1/${kind.path}/${kind.id}/confirm`, {
      client_secret: clientSecret,
      ...params,
    });
    return answer.error ? { error: answer.error } : { [kind.name]: answer };
  }
  return confirmWith(stripe, clientSecret, params);
}

async function confirmElements(stripe, options) {
  const { elements, confirmParams = {}, redirect = "always" } = options;
  const clientSecret = options.clientSecret || (elements && elements._options.clientSecret);
  if (!clientSecret) throw integrationError("confirm needs a clientSecret.");
  let method = confirmParams.payment_method;
  if (!method) {
    if (!elements) throw integrationError("confirm needs elements or a payment_method.");
    if (!elements._options.clientSecret && !elements._submitted) {
      throw integrationError("Call elements.submit() before confirming.");
    }
    const element = elements._only();
    const data = confirmParams.payment_method_data || {};
    const made = await element._tokenize(stripe._key, data.billing_details || {});
    if (made.error) return made;
    method = made.paymentMethod.id;
  }
  const result = await confirmWith(stripe, clientSecret, { payment_method: method });
  if (result.error || redirect === "if_required") return result;
  if (!confirmParams.return_url) throw integrationError("confirmParams.return_url is missing.");
  return leave(confirmParams.return_url, clientSecret, Object.keys(result)[0]);
}

function Stripe(key, options) {
  if (!(this instanceof Stripe)) return new Stripe(key, options);
  if (typeof key !== "string" || !key.startsWith("pk_")) {
    throw integrationError("Please call Stripe() with your publishable key: it begins with pk_.");
  }
  if (!key.startsWith("pk_test_")) {
    throw integrationError("This is a simulator: it refuses live keys.");
  }
  this._key = key;
  this._options = options || {};
}
Stripe.version = "dahlia";

Object.assign(Stripe.prototype, {
  elements(options) {
    return new Elements(this, options || {});
  },
  async createPaymentMethod(options, element, data) {
    const wanted =
      typeof options === "string" ? { type: options, card: element, ...(data || {}) } : options;
    if (wanted.elements) {
      if (!wanted.elements._submitted) {
        throw integrationError("Call elements.submit() before createPaymentMethod.");
      }
      const details = (wanted.params || {}).billing_details || {};
      return wanted.elements._only()._tokenize(this._key, details);
    }
    if (!wanted.card || !wanted.card._tokenize) {
      throw integrationError("createPaymentMethod needs a card element.");
    }
    return wanted.card._tokenize(this._key, wanted.billing_details || {});
  },
  confirmCardPayment(clientSecret, data, options) {
    return confirmCard(this, clientSecret, data, options);
  },
  confirmCardSetup(clientSecret, data, options) {
    return confirmCard(this, clientSecret, data, options);
  },
  confirmPayment(options) {
    return confirmElements(this, options);
  },
  confirmSetup(options) {
    return confirmElements(this, options);
  },
  async _retrieve(clientSecret) {
    const kind = intentKind(clientSecret);
    const intent = await call(this._key, "GET", `/v1/${kind.path}/${kind.id}`, {
      client_secret: clientSecret,
    });
    return intent.error ? { error: intent.error } : { [kind.name]: intent };
  },
  retrievePaymentIntent(clientSecret) {
    return this._retrieve(clientSecret);
  },
  retrieveSetupIntent(clientSecret) {
    return this._retrieve(clientSecret);
  },
  async handleNextAction({ clientSecret }) {
    const found = await this._retrieve(clientSecret);
    if (found.error) return found;
    return settled(this, clientSecret, Object.values(found)[0]);
  },
  handleCardAction(clientSecret) {
    return this.handleNextAction({ clientSecret });
  },
});
