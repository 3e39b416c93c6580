/** Making elements without markup in strings, so that nothing people typed can become markup. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Address of the sprite, told by the page so that it works under any prefix. */
let sprite = "/static/icons/sprite.svg";

/** @param {string | undefined} url */
export function useSprite(url) {
  if (url) sprite = url;
}

/** @param {string} name @returns {SVGSVGElement} */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Places an element on the time axis, by its margins: a transform of its own for each of a thousand bars makes the browser
 * sort each into a layer in every frame that draws something. Properties are set directly: custom ones would be inherited
 * by everything inside and make the browser compute styles again while scrolling.
 *
 * @param {HTMLElement} element absolutely positioned; its inset is where the axis begins
 * @param {number} x
 * @param {number | null} width null leaves the width to the content
 * @param {number} [y]
 */
export function place(element, x, width, y = 0) {
  element.style.marginLeft = `${x.toFixed(1)}px`;
  if (y || element.style.marginTop) element.style.marginTop = `${y}px`;
  if (width !== null) element.style.width = `${Math.max(width, 2).toFixed(1)}px`;
}
