/**
 * Headers that every file of the page is served with: by `make serve-web`, by the service worker on
 * hosts that set none, and the policy once more as a meta tag for the very first visit.
 *
 * The first two isolate the page, without which a browser gives WASM no threads. The policy lets it
 * talk to its own host and to nobody else; WASM must be compiled, nothing else may be evaluated.
 */
export const SECURITY_HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "connect-src 'self'",
    "img-src 'self' blob:",
    "media-src 'self' blob:",
    "style-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; "),
} as const;
