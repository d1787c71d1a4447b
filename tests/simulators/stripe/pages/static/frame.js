// Inside the iframe: the only place where a card number is ever typed.
const PARENT = document.body.dataset.parent || window.location.origin;
const TYPE = document.body.dataset.type;
const form = document.querySelector("form");
const note = document.querySelector("[data-note]");
const fields = Object.fromEntries(
  [...form.querySelectorAll("input")].map((input) => [input.dataset.field, input])
);
let hidePostal = false;
let touched = {};

function tell(message) {
  window.parent.postMessage(message, PARENT);
}

const digits = (text) => text.replace(/\D/g, "");

function brandOf(number) {
  if (/^4/.test(number)) return "visa";
  if (/^(5[1-5]|2[2-7])/.test(number)) return "mastercard";
  if (/^3[47]/.test(number)) return "amex";
  if (/^6(011|5)/.test(number)) return "discover";
  return "unknown";
}

function luhn(number) {
  let total = 0;
  [...number].reverse().forEach((digit, position) => {
    const value = Number(digit) * (position % 2 ? 2 : 1);
    total += value > 9 ? value - 9 : value;
  });
  return number.length >= 12 && total % 10 === 0;
}

function problem(code, message, field) {
  return { type: "validation_error", code, message, field };
}

function values() {
  const [month = "", year = ""] = fields.expiry.value.split("/").map(digits);
  return {
    number: digits(fields.number.value),
    month,
    year: year.length === 2 ? `20${year}` : year,
    cvc: digits(fields.cvc.value),
    postal: fields.postal.value.trim(),
  };
}

function problems() {
  const { number, month, year, cvc, postal } = values();
  const wanted = brandOf(number) === "amex" ? 15 : 16;
  const found = [];
  if (number.length < wanted) {
    found.push(problem("incomplete_number", "Your card number is incomplete.", "number"));
  } else if (!luhn(number)) {
    found.push(problem("invalid_number", "Your card number is invalid.", "number"));
  }
  if (month.length < 2 || year.length < 4) {
    found.push(
      problem("incomplete_expiry", "Your card's expiration date is incomplete.", "expiry")
    );
  } else if (Number(month) < 1 || Number(month) > 12) {
    found.push(
      problem("invalid_expiry_month", "Your card's expiration date is invalid.", "expiry")
    );
  } else if (new Date(Number(year), Number(month), 1) <= new Date()) {
    const message = "Your card's expiration date is in the past.";
    found.push(problem("invalid_expiry_year_past", message, "expiry"));
  }
  if (cvc.length < (brandOf(number) === "amex" ? 4 : 3)) {
    found.push(problem("incomplete_cvc", "Your card's security code is incomplete.", "cvc"));
  }
  if (!hidePostal && postal.length < 3) {
    found.push(problem("incomplete_zip", "Your postal code is incomplete.", "postal"));
  }
  return found;
}

function show(all) {
  const seen = all.filter((entry) => touched[entry.field]);
  const text = seen.length ? seen[0].message : "";
  if (note.textContent !== text) note.textContent = text;
  for (const [name, input] of Object.entries(fields)) {
    const wrong = seen.some((entry) => entry.field === name);
    input.setAttribute("aria-invalid", String(wrong));
  }
  const { number, month, cvc, postal } = values();
  const error = seen.length
    ? { type: "validation_error", code: seen[0].code, message: seen[0].message }
    : undefined;
  const state = { empty: !(number || month || cvc || postal), complete: all.length === 0, error };
  if (TYPE === "card") Object.assign(state, { brand: brandOf(number), value: { postalCode: postal } });
  else Object.assign(state, { collapsed: false, value: { type: "card" } });
  tell({ type: "change", state });
}

function groupNumber(number) {
  const sizes = brandOf(number) === "amex" ? [4, 6, 5] : [4, 4, 4, 4];
  const groups = [];
  let rest = number;
  for (const size of sizes) {
    if (rest) groups.push(rest.slice(0, size));
    rest = rest.slice(size);
  }
  return groups.join(" ");
}

form.addEventListener("input", (event) => {
  const input = event.target;
  const atEnd = input.selectionStart === input.value.length;
  if (input === fields.number && atEnd) input.value = groupNumber(digits(input.value));
  if (input === fields.expiry && atEnd && event.inputType !== "deleteContentBackward") {
    let text = digits(input.value).slice(0, 4);
    if (/^[2-9]$/.test(text)) text = `0${text}`;
    input.value = text.length >= 2 ? `${text.slice(0, 2)} / ${text.slice(2)}` : text;
  }
  const complete = !problems().some((entry) => entry.field === input.dataset.field);
  if (complete) touched[input.dataset.field] = true;
  show(problems());
});
form.addEventListener("focusin", () => tell({ type: "focus" }));
form.addEventListener("focusout", (event) => {
  if (event.target.value) touched[event.target.dataset.field] = true;
  show(problems());
  if (!event.relatedTarget) tell({ type: "blur" });
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Escape") tell({ type: "escape" });
});
form.addEventListener("submit", (event) => event.preventDefault());

function validate() {
  touched = { number: true, expiry: true, cvc: true, postal: true };
  const found = problems();
  show(found);
  if (!found.length) return {};
  fields[found[0].field].focus();
  const { type, code, message } = found[0];
  return { error: { type, code, message } };
}

async function tokenize({ key, billing_details: given }) {
  const invalid = validate();
  if (invalid.error) return invalid;
  const { number, month, year, cvc, postal } = values();
  const body = new URLSearchParams({
    key,
    type: "card",
    "card[number]": number,
    "card[exp_month]": month,
    "card[exp_year]": year,
    "card[cvc]": cvc,
  });
  const address = { ...(given.address || {}) };
  if (postal && !hidePostal) address.postal_code = postal;
  for (const [name, value] of Object.entries(address)) {
    if (value) body.set(`billing_details[address][${name}]`, value);
  }
  for (const name of ["name", "email", "phone"]) {
    if (given[name]) body.set(`billing_details[${name}]`, given[name]);
  }
  try {
    const answer = await (await fetch("/v1/payment_methods", { method: "POST", body })).json();
    return answer.error ? { error: answer.error } : { paymentMethod: answer };
  } catch {
    return { error: { type: "api_connection_error", message: "The connection failed." } };
  }
}

function restyle(options) {
  const root = document.documentElement.style;
  const { base = {}, invalid = {} } = options.style;
  const chosen = {
    "--color": base.color || options.variables.colorText,
    "--font": base.fontFamily || options.variables.fontFamily,
    "--size": base.fontSize || options.variables.fontSizeBase,
    "--placeholder": (base["::placeholder"] || {}).color,
    "--danger": invalid.color || options.variables.colorDanger,
    "--background": options.variables.colorBackground,
    "--radius": options.variables.borderRadius,
    "--accent": options.variables.colorPrimary,
    "--label": options.variables.colorTextSecondary,
    "--line": options.variables.colorBorder,
  };
  for (const [name, value] of Object.entries(chosen)) {
    if (value) root.setProperty(name, value);
  }
  if (options.colorScheme) root.colorScheme = options.colorScheme;
  hidePostal = options.hidePostalCode;
  fields.postal.closest("[data-part]").hidden = hidePostal;
  for (const input of Object.values(fields)) input.disabled = options.disabled;
}

const calls = {
  validate,
  tokenize,
  focus: () => void fields.number.focus(),
  blur: () => void (document.activeElement && document.activeElement.blur()),
  clear: () => {
    form.reset();
    touched = {};
    show(problems());
  },
};

window.addEventListener("message", async (event) => {
  if (event.origin !== PARENT || event.source !== window.parent) return;
  const message = event.data;
  if (message.type === "options") restyle(message.options);
  if (message.type === "call" && calls[message.name]) {
    const result = (await calls[message.name](message.args)) || {};
    tell({ type: "result", id: message.id, result });
  }
});

new ResizeObserver(() => {
  tell({ type: "height", height: Math.ceil(form.getBoundingClientRect().height) });
}).observe(form);
tell({ type: "ready" });
