// The tokenizer: takes the card in a page of its own, tells the page around it only a token.
"use strict";

const options = new URLSearchParams(location.search);
const isOn = (name) => options.get(name) === "true";
const text = (name, otherwise) => options.get(name) || otherwise;
const byId = (id) => document.getElementById(id);

const number = byId("ccnumfield");
const cvv = byId("cccvvfield");
const useExpiry = isOn("useexpiry");
const useCvv = isOn("usecvv");
const quietAfter = isOn("tokenizewheninactive") ? Number(text("inactivityto", "500")) : null;
let lastAsked = "";
let timer = null;
let typing = false;

// Properties that a page may style; the others are dropped without a word.
const STYLEABLE = /^(background|border|color|display|float|font|height|letter-spacing|line-height|margin|max-|min-|outline|padding|text-|width|-webkit-appearance|appearance|box-shadow|box-sizing)/;

function applyCss(css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  const clean = (rules) => {
    for (const rule of rules) {
      if (rule.cssRules) clean(rule.cssRules);
      if (!rule.style) continue;
      for (const name of [...rule.style]) {
        if (!STYLEABLE.test(name)) rule.style.removeProperty(name);
      }
    }
  };
  clean(sheet.cssRules);
  document.adoptedStyleSheets = [sheet];
}

function addSelect(id, title, values) {
  const select = document.createElement("select");
  select.id = id;
  select.setAttribute("aria-label", title);
  select.title = title;
  select.append(new Option("--", ""));
  for (const [value, shown] of values) select.append(new Option(shown, value));
  byId("ccexpiry").append(select);
  return select;
}

function addExpiryField(id, title, placeholder, length) {
  const field = document.createElement("input");
  field.id = id;
  field.type = "tel";
  field.maxLength = length;
  field.inputMode = "numeric";
  field.placeholder = placeholder;
  field.setAttribute("aria-label", title);
  field.title = title;
  byId("ccexpiry").append(field);
  return field;
}

function makeExpiry() {
  const monthTitle = text("expirymonthtitle", "Expiration Month");
  const yearTitle = text("expiryyeartitle", "Expiration Year");
  if (isOn("useexpiryfield")) {
    return [
      addExpiryField("ccexpiryfieldmonth", monthTitle, text("placeholdermonth", "MM"), 2),
      addExpiryField("ccexpiryfieldyear", yearTitle, text("placeholderyear", "YYYY"), 4),
    ];
  }
  const names = text("monthnames", "").split("-");
  const months = [...Array(12).keys()].map((i) => {
    const plain = String(i + 1).padStart(2, "0");
    return [String(i + 1), isOn("usemonthnames") && names[i] ? names[i] : plain];
  });
  const first = new Date().getFullYear();
  const years = [...Array(20).keys()].map((i) => [String(first + i), String(first + i)]);
  return [
    addSelect("ccexpirymonth", monthTitle, months),
    addSelect("ccexpiryyear", yearTitle, years),
  ];
}

const [month, year] = useExpiry ? makeExpiry() : [null, null];

function arrange() {
  if (useExpiry) document.querySelector("[data-field=expiry]").hidden = false;
  if (useCvv) document.querySelector("[data-field=cvv]").hidden = false;
  byId("cccardlabel").textContent = text("cardlabel", "Card Number");
  byId("ccexpirylabel").textContent = text("expirylabel", "Expiration Date");
  byId("cccvvlabel").textContent = text("cvvlabel", "CVV");
  number.title = text("cardtitle", "Credit Card Number");
  cvv.title = text("cvvtitle", "Card Verification Value");
  number.placeholder = text("placeholder", "");
  cvv.placeholder = text("placeholdercvv", "");
  number.maxLength = Number(text("cardinputmaxlength", "2000"));
  if (options.get("css")) applyCss(options.get("css"));
  if (isOn("autofocus")) number.focus();
}

function tell(message) {
  parent.postMessage(JSON.stringify(message), "*");
}

function answer(token, errorCode, errorMessage) {
  const message = { [text("tokenpropname", "message")]: token };
  if (token && useExpiry) message.expiry = year.value + String(Number(month.value));
  if (isOn("enhancedresponse")) Object.assign(message, { token, errorCode, errorMessage });
  tell(message);
}

function invalid(kind, validationError) {
  const wanted = useCvv || useExpiry ? `invalid${kind}event` : "invalidinputevent";
  if (isOn(wanted)) tell({ [text("tokenpropname", "message")]: "", validationError });
}

function luhnOk(digits) {
  let sum = 0;
  [...digits].reverse().forEach((digit, i) => {
    const doubled = Number(digit) * (i % 2 ? 2 : 1);
    sum += doubled > 9 ? doubled - 9 : doubled;
  });
  return digits.length >= 12 && sum % 10 === 0;
}

const digitsOf = (field) => field.value.replace(/[\s-]/g, "");

function isComplete() {
  if (!digitsOf(number)) return false;
  if (useExpiry && !(month.value && year.value.length === 4)) return false;
  return !useCvv || /^\d{3,4}$/.test(cvv.value);
}

async function tokenize() {
  const card = digitsOf(number);
  const good = luhnOk(card);
  number.classList.toggle("error", Boolean(card) && !good);
  if (card && !good) {
    invalid("creditcard", "Invalid Card Number");
    if (isOn("enhancedresponse") && isComplete()) {
      answer("", "0054", "Card number check (Luhn formula) failed.");
    }
    lastAsked = "";
    return;
  }
  if (useCvv && cvv.value && !/^\d{3,4}$/.test(cvv.value)) invalid("cvv", "Invalid CVV");
  if (useExpiry && month.value && !(Number(month.value) >= 1 && Number(month.value) <= 12)) {
    invalid("expiry", "Invalid Expiration Date");
    return;
  }
  if (!isComplete()) return;
  const given = { account: card, unique: isOn("unique") };
  if (useCvv) given.cvv = cvv.value;
  if (useExpiry) given.expiry = month.value.padStart(2, "0") + year.value.slice(2);
  const asked = JSON.stringify(given);
  if (asked === lastAsked) return;
  lastAsked = asked;
  await ask(asked);
}

async function ask(body) {
  let reply;
  try {
    const response = await fetch("../cardsecure/api/v1/ccn/tokenize", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    reply = await response.json();
  } catch {
    reply = { errorcode: 43, message: "Server failed" };
  }
  if (body !== lastAsked) return;
  if (reply.errorcode) lastAsked = "";
  const code = reply.errorcode ? String(reply.errorcode).padStart(4, "0") : "0";
  answer(reply.token || "", code, reply.errorcode ? reply.message : "");
}

function typed() {
  if (isOn("sendcardtypingevent") && !typing) {
    typing = true;
    tell({ cardTyping: true });
  }
  if (quietAfter !== null) {
    clearTimeout(timer);
    timer = setTimeout(tokenize, quietAfter);
  }
}

function left() {
  if (typing) {
    typing = false;
    tell({ cardTyping: false });
  }
  if (quietAfter === null) tokenize();
}

if (isOn("formatinput")) {
  number.addEventListener("input", () => {
    number.value = digitsOf(number).replace(/(\d{4})(?=\d)/g, "$1 ");
  });
}
for (const field of [number, cvv, month, year]) {
  if (!field) continue;
  field.addEventListener("input", typed);
  field.addEventListener(field.tagName === "SELECT" ? "change" : "blur", left);
}
byId("tokenform").addEventListener("submit", (event) => {
  event.preventDefault();
  left();
});
arrange();
