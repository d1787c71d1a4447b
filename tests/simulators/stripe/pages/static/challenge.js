// Tells the page that opened the challenge that the cardholder has answered.
const { parent, done } = document.body.dataset;
if (done === "yes" && parent) window.parent.postMessage({ type: "challenge-done" }, parent);
