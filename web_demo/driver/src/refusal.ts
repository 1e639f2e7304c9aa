/** The one error of the package. */

/**
 * Why a bundle is refused, in the order in which a reader looks; `loading` is a file of the runtime that
 * did not arrive, `runtime` what this browser cannot do, `input` what a caller gave.
 */
export type Kind =
  | "container"
  | "name"
  | "signature"
  | "manifest"
  | "version"
  | "listing"
  | "digest"
  | "golden"
  | "graph"
  | "loading"
  | "runtime"
  | "input";

/** What cannot be done, and what to do; the message is one line of printable text. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    message: string,
    readonly kind: Kind,
  ) {
    super(printable(message));
  }
}

const MOST_LENGTH = 400;

/** One line: what cannot be printed is escaped, and what is too long is cut. */
function printable(text: string): string {
  const escaped = text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return escaped.length > MOST_LENGTH ? `${escaped.slice(0, MOST_LENGTH)}…` : escaped;
}
