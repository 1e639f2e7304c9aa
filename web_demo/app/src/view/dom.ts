/** Elements of the page, by id, and small pieces of it. */

/** An element that index.html has; its kind is checked. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

interface Parts {
  readonly text?: string;
  readonly className?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly children?: readonly Node[];
}

/** A new element; texts are never read as HTML. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  { text, className, attributes, children }: Parts = {},
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  element.append(...(children ?? []));
  return element;
}

/** Put a bitmap on a canvas, which then has its size; the bitmap is used up. */
export function show(canvas: HTMLCanvasElement, bitmap: ImageBitmap): void {
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const paint = canvas.getContext("bitmaprenderer");
  if (!paint) throw new Error("this browser shows no bitmaps on a canvas");
  paint.transferFromImageBitmap(bitmap);
}
