"""Who made a bundle: an ECDSA signature, over P-256 with SHA-256, of the manifest's bytes.

The manifest holds the digest of every file, so that what it is signed by vouches for all. Digests
alone say that a bundle is whole, not whose it is: whoever changes a file can change its digest too.

The signature is 64 bytes, r and s of 32 each, as IEEE P1363 has it: WebCrypto (``ECDSA`` with
``SHA-256``), CryptoKit (``P256.Signing.ECDSASignature(rawRepresentation:)``) and Java
(``SHA256withECDSAinP1363Format``) take it as it is. It is made by RFC 6979, so that one key and one
manifest give one signature.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_sdk.errors import BundleError, InputError, OutputError
from edge_sdk.extras import require
from edge_sdk.outputs import check_writable, replacing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )

BYTES = 64
_MAKE = "make one with: edge-sdk key key.pem"
_BEGINS_PRIVATE = b"PRIVATE KEY"


def sign(manifest: bytes, key: Path) -> bytes:
    """Sign a manifest.

    Args:
        manifest: its bytes.
        key: private key of curve P-256 in PEM, without a password.

    Returns:
        64 bytes.

    Raises:
        MissingExtraError: if cryptography is not installed.
        InputError: if the file holds no such key.
    """
    private = _private(key)
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    made = private.sign(manifest, ECDSA(hashes.SHA256(), deterministic_signing=True))
    return b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(made))


def check_signature(manifest: bytes, signature: bytes, key: Path) -> None:
    """Check that a manifest was signed by the private half of a key.

    Args:
        manifest: its bytes.
        signature: 64 bytes.
        key: public key of curve P-256 in PEM.

    Raises:
        MissingExtraError: if cryptography is not installed.
        InputError: if the file holds no such key.
        BundleError: if it was not.
    """
    check_public(key)
    public = _public(key)
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if len(signature) != BYTES:
        raise BundleError(f"the signature has {len(signature)} bytes and not {BYTES}", "signature")
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    try:
        public.verify(encode_dss_signature(r, s), manifest, ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise BundleError(
            f"the bundle is not signed by {key.name}: do not use it, unless you trust where it "
            "comes from for another reason",
            "signature",
        ) from error


def check_public(key: Path) -> None:
    """Check that a key can tell who signed.

    Args:
        key: public key of curve P-256 in PEM.

    Raises:
        MissingExtraError: if cryptography is not installed.
        InputError: if it is missing or cannot tell that, and why.
    """
    if not key.exists():
        raise InputError(
            f"{key}: the key is missing; give the public key of those who packed the bundle"
        )
    if _BEGINS_PRIVATE in _read(key):
        raise InputError(
            f"{key}: is a private key, which nobody but its owner should have; give its public half"
        )
    _public(key)


def check_private(key: Path) -> None:
    """Check that a key can sign.

    Raises:
        MissingExtraError: if cryptography is not installed.
        InputError: if the file holds no private key of curve P-256 without a password.
    """
    _private(key)


def make_keys(path: Path) -> Path:
    """Make a private key, and its public half beside it as ``NAME.public.pem``.

    Args:
        path: of the private key; neither file may be there.

    Returns:
        The path of the public key.

    Raises:
        MissingExtraError: if cryptography is not installed.
        OutputError: if a file is there already, or cannot be written.
    """
    require("sign")
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    public = path.with_name(f"{path.stem}.public.pem")
    for place in (path, public):
        check_writable(place)
        if place.exists():
            raise OutputError(f"{place}: is there already; a key is not replaced, name another")
    made = ec.generate_private_key(ec.SECP256R1())
    text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with replacing(path) as temporary:
        temporary.touch(0o600)
        temporary.write_bytes(text)
    with replacing(public) as temporary:
        temporary.write_bytes(public_pem(path))
    return public


def public_pem(key: Path) -> bytes:
    """The public half of a key, in PEM.

    Raises:
        MissingExtraError: if cryptography is not installed.
        InputError: if the file holds no key of curve P-256.
    """
    public = _public(key)
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _public(key: Path) -> EllipticCurvePublicKey:
    text = _read(key)
    if _BEGINS_PRIVATE in text:
        return _private(key).public_key()
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public: EllipticCurvePublicKey = _of_curve(lambda: load_pem_public_key(text), key)
    return public


def _private(key: Path) -> EllipticCurvePrivateKey:
    text = _read(key)
    if b"PUBLIC KEY" in text and _BEGINS_PRIVATE not in text:
        raise InputError(f"{key}: is a public key, which signs nothing; give its private half")
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private: EllipticCurvePrivateKey = _of_curve(lambda: load_pem_private_key(text, None), key)
    return private


def _of_curve(load: Any, key: Path) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        found = load()
    except TypeError as error:
        raise InputError(f"{key}: is locked by a password, and none is asked; {_MAKE}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{key}: holds no key in PEM without a password; {_MAKE}") from error
    curve = getattr(found, "curve", None)
    if not isinstance(curve, ec.SECP256R1):
        kind = type(found).__name__.lstrip("_").split("P")[0]
        what = f"of kind {kind}" if curve is None else f"of curve {curve.name}"
        raise InputError(f"{key}: holds a key {what}, and signatures are of curve P-256; {_MAKE}")
    return found


def _read(key: Path) -> bytes:
    require("sign")
    try:
        return key.read_bytes()
    except OSError as error:
        raise InputError(f"{key}: cannot be read ({error.strerror}); {_MAKE}") from error
