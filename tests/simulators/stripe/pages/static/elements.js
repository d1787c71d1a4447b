// elements().create("card" | "payment"): an iframe of the simulator that alone sees the card.
const FRAME_TITLES = {
  card: "Secure card payment input frame",
  payment: "Secure payment input frame",
};
let frameCount = 0;

class SimElement {
  constructor(elements, type, options) {
    this._elements = elements;
    this._type = type;
    this._options = options || {};
    this._handlers = {};
    this._calls = new Map();
    this._onMessage = this._onMessage.bind(this);
    this._state = { empty: true, complete: false, error: undefined };
  }

  mount(target) {
    const place = typeof target === "string" ? document.querySelector(target) : target;
    if (!place) throw integrationError(`The selector you specified (${target}) applies to no DOM.`);
    if (this._destroyed) throw integrationError("This Element has already been destroyed.");
    if (this._frame) this.unmount();
    this._place = place;
    frameCount += 1;
    const frame = document.createElement("iframe");
    frame.name = `__privateStripeFrame${frameCount}`;
    frame.title = FRAME_TITLES[this._type];
    frame.setAttribute("allow", "payment *");
    frame.setAttribute("scrolling", "no");
    const query = new URLSearchParams({ type: this._type, parent: window.location.origin });
    frame.src = `${ORIGIN}/elements/frame?${query}`;
    Object.assign(frame.style, {
      display: "block",
      width: "100%",
      height: this._type === "card" ? "24px" : "190px",
      border: "0",
      margin: "0",
      padding: "0",
      background: "transparent",
      colorScheme: this._colorScheme(),
    });
    this._frame = frame;
    window.addEventListener("message", this._onMessage);
    place.replaceChildren(frame);
    this._paintClasses(false);
    return this;
  }

  unmount() {
    if (!this._frame) return this;
    window.removeEventListener("message", this._onMessage);
    this._frame.remove();
    this._frame = null;
    this._ready = false;
    for (const name of ["", "--focus", "--empty", "--complete", "--invalid"]) {
      this._place.classList.remove(`StripeElement${name}`);
    }
    return this;
  }

  destroy() {
    this.unmount();
    this._destroyed = true;
    this._elements._forget(this);
    return this;
  }

  on(name, handler) {
    (this._handlers[name] = this._handlers[name] || []).push(handler);
    if (name === "ready" && this._ready) handler(this._eventBase());
    return this;
  }

  once(name, handler) {
    const wrapped = (event) => {
      this.off(name, wrapped);
      handler(event);
    };
    return this.on(name, wrapped);
  }

  off(name, handler) {
    const known = this._handlers[name] || [];
    this._handlers[name] = handler ? known.filter((entry) => entry !== handler) : [];
    return this;
  }

  focus() {
    if (this._frame) this._frame.focus();
    return void this._ask("focus");
  }

  blur() {
    return void this._ask("blur");
  }

  clear() {
    return void this._ask("clear");
  }

  update(options) {
    this._options = { ...this._options, ...options };
    this._post({ type: "options", options: this._looks() });
    return this;
  }

  _colorScheme() {
    return getComputedStyle(document.documentElement).colorScheme || "normal";
  }

  _looks() {
    const appearance = this._elements._options.appearance || {};
    return {
      style: this._options.style || {},
      variables: appearance.variables || {},
      theme: appearance.theme || "stripe",
      hidePostalCode: this._options.hidePostalCode === true,
      disabled: this._options.disabled === true,
      colorScheme: this._colorScheme(),
    };
  }

  _eventBase() {
    return { elementType: this._type };
  }

  _post(message) {
    if (this._frame && this._ready) this._frame.contentWindow.postMessage(message, ORIGIN);
  }

  _whenReady() {
    if (this._ready) return Promise.resolve();
    if (!this._frame) {
      return Promise.reject(integrationError("The Element is not mounted."));
    }
    return new Promise((resolve) => this.once("ready", resolve));
  }

  async _ask(name, args) {
    await this._whenReady();
    const id = (this._lastCall = (this._lastCall || 0) + 1);
    const result = new Promise((resolve) => this._calls.set(id, resolve));
    this._post({ type: "call", id, name, args: args || {} });
    return result;
  }

  _validate() {
    return this._ask("validate");
  }

  _tokenize(key, billingDetails) {
    return this._ask("tokenize", { key, billing_details: billingDetails });
  }

  _emit(name, event) {
    for (const handler of [...(this._handlers[name] || [])]) handler(event);
  }

  _paintClasses(focused) {
    const { empty, complete, error } = this._state;
    const classes = this._place.classList;
    classes.add("StripeElement");
    classes.toggle("StripeElement--empty", empty);
    classes.toggle("StripeElement--complete", complete);
    classes.toggle("StripeElement--invalid", Boolean(error));
    if (focused !== undefined) classes.toggle("StripeElement--focus", focused);
  }

  _onMessage(event) {
    if (!this._frame || event.origin !== ORIGIN) return;
    if (event.source !== this._frame.contentWindow || !event.data) return;
    const message = event.data;
    if (message.type === "ready") {
      this._ready = true;
      this._post({ type: "options", options: this._looks() });
      this._emit("ready", this._eventBase());
    } else if (message.type === "height") {
      this._frame.style.height = `${message.height}px`;
    } else if (message.type === "result") {
      const resolve = this._calls.get(message.id);
      this._calls.delete(message.id);
      if (resolve) resolve(message.result);
    } else if (message.type === "change") {
      this._state = message.state;
      this._paintClasses();
      this._emit("change", { ...this._eventBase(), ...message.state });
    } else if (message.type === "focus" || message.type === "blur") {
      this._paintClasses(message.type === "focus");
      this._emit(message.type, this._eventBase());
    } else if (message.type === "escape") {
      this._emit("escape", this._eventBase());
    }
  }
}

class Elements {
  constructor(stripe, options) {
    this._stripe = stripe;
    this._options = options;
    this._made = {};
    this._submitted = false;
  }

  create(type, options) {
    if (!(type in FRAME_TITLES)) {
      throw integrationError(`The simulator has no "${type}" element.`);
    }
    if (this._made[type]) {
      throw integrationError(`Can only create one Element of type ${type}.`);
    }
    this._made[type] = new SimElement(this, type, options);
    return this._made[type];
  }

  getElement(type) {
    return this._made[type] || null;
  }

  update(options) {
    Object.assign(this._options, options);
    for (const element of Object.values(this._made)) element.update({});
  }

  async fetchUpdates() {
    return {};
  }

  async submit() {
    const found = await this._only()._validate();
    if (found.error) return found;
    this._submitted = true;
    return { selectedPaymentMethod: "card" };
  }

  _only() {
    const element = Object.values(this._made)[0];
    if (!element) throw integrationError("No Element was created.");
    return element;
  }

  _forget(element) {
    delete this._made[element._type];
  }
}
