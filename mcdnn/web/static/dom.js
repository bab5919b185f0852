// Elements from values: text is always set as text, never read as markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

export const el = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);
export const byId = (id) => document.getElementById(id);

// Replaces what is in a node, unless it was made from the same values: what a reader has selected or
// scrolled stays as it is.
const made = new WeakMap();
export function fill(node, values, make) {
  const from = JSON.stringify(values);
  if (made.get(node) === from) return;
  made.set(node, from);
  node.replaceChildren(...[make(values)].flat());
}

// Keeps one element a key, in order; makes those that are new and drops those that are gone.
export function keyed(parent, keys, make) {
  const kept = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const nodes = keys.map((key) => {
    const node = kept.get(key) ?? make(key);
    node.dataset.key = key;
    return node;
  });
  if (nodes.length !== parent.childNodes.length || nodes.some((node, i) => node !== parent.childNodes[i])) {
    parent.replaceChildren(...nodes);
  }
  return nodes;
}
