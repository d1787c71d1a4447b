// createEmbeddedCheckoutPage: the hosted page in an iframe, and the way on once it is complete.
class EmbeddedCheckout {
  constructor(clientSecret, onComplete) {
    this._clientSecret = clientSecret;
    this._onComplete = onComplete;
    this._onMessage = this._onMessage.bind(this);
  }

  mount(target) {
    const place = typeof target === "string" ? document.querySelector(target) : target;
    if (!place) throw integrationError(`The selector you specified (${target}) applies to no DOM.`);
    if (this._destroyed) throw integrationError("This checkout has already been destroyed.");
    if (this._frame) throw integrationError("This checkout is already mounted.");
    const session = this._clientSecret.split("_secret_")[0];
    const query = new URLSearchParams({
      client_secret: this._clientSecret,
      parent: window.location.origin,
    });
    const frame = document.createElement("iframe");
    frame.name = "embedded-checkout";
    frame.title = "Secure checkout";
    frame.setAttribute("allow", "payment *");
    frame.src = `${ORIGIN}/c/pay/${session}?${query}`;
    Object.assign(frame.style, {
      display: "block",
      width: "100%",
      height: "720px",
      border: "0",
      colorScheme: "light dark",
    });
    this._frame = frame;
    window.addEventListener("message", this._onMessage);
    place.replaceChildren(frame);
  }

  unmount() {
    if (!this._frame) return;
    window.removeEventListener("message", this._onMessage);
    this._frame.remove();
    this._frame = null;
  }

  destroy() {
    this.unmount();
    this._destroyed = true;
    openCheckout = null;
  }

  _onMessage(event) {
    if (event.origin !== ORIGIN || event.source !== this._frame.contentWindow || !event.data) return;
    const { type, height, returnUrl } = event.data;
    if (type === "checkout-height") this._frame.style.height = `${height}px`;
    if (type !== "checkout-complete") return;
    if (returnUrl) window.location.assign(returnUrl);
    else if (this._onComplete) this._onComplete();
  }
}
let openCheckout = null;

Object.assign(Stripe.prototype, {
  async createEmbeddedCheckoutPage({ clientSecret, fetchClientSecret, onComplete } = {}) {
    if (openCheckout) throw integrationError("You cannot have multiple embedded checkouts.");
    const secret = clientSecret || (fetchClientSecret && (await fetchClientSecret()));
    if (!/^cs_test_\w+_secret_\w+$/.test(secret || "")) {
      throw integrationError("createEmbeddedCheckoutPage needs the client secret of a session.");
    }
    openCheckout = new EmbeddedCheckout(secret, onComplete);
    return openCheckout;
  },
});

// Dahlia took these away; whoever still calls them is told what to call instead.
for (const [gone, now] of Object.entries({
  initEmbeddedCheckout: "createEmbeddedCheckoutPage",
  redirectToCheckout: "the session's url",
})) {
  Stripe.prototype[gone] = () => {
    throw integrationError(`stripe.${gone} was removed: use ${now}.`);
  };
}

window.Stripe = Stripe;
