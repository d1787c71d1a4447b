// Inside an embedded checkout: tells the page around it how tall this is, and when it is complete.
const { parent, done, returnUrl } = document.body.dataset;
if (parent) {
  const tell = (message) => window.parent.postMessage(message, parent);
  const size = () => tell({ type: "checkout-height", height: document.body.scrollHeight });
  new ResizeObserver(size).observe(document.body);
  if (done === "yes") tell({ type: "checkout-complete", returnUrl });
}
