"""Signatures: one vector for all languages, and keys that are none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edge_sdk.bundle import open_bundle
from edge_sdk.bundle.signature import check_private, check_signature, make_keys, public_pem, sign
from edge_sdk.errors import BundleError, EdgeSdkError, InputError, OutputError
from tests.builders.bundle_corpus import key, public_key

MESSAGE = b'{"a":1}'
VECTOR = (
    "845aebef1daaf916de61963bd1cb1585f0418e6ecb226fcbd6891c9cc1b84b4f"
    "6fec89ecf3f5982d2c465539e39a10a6a151368cc54112d5501f1aeee69f988b"
)


def test_one_key_and_one_manifest_give_one_signature() -> None:
    # RFC 6979; WebCrypto, java.security and CryptoKit check the same 64 bytes.
    made = sign(MESSAGE, key())
    assert made == sign(MESSAGE, key())
    assert made.hex() == VECTOR
    check_signature(MESSAGE, made, public_key())


def test_the_public_half_checks_and_other_bytes_do_not_pass(tmp_path: Path) -> None:
    public = tmp_path / "public.pem"
    public.write_bytes(public_pem(key()))
    made = sign(MESSAGE, key())
    check_signature(MESSAGE, made, public)
    for message, signature in (
        (MESSAGE + b" ", made),
        (MESSAGE, bytes(64)),
        (MESSAGE, made[32:] + made[:32]),
        (MESSAGE, b"\xff" * 64),
    ):
        with pytest.raises(BundleError, match=r"is not signed by public\.pem"):
            check_signature(message, signature, public)
    with pytest.raises(BundleError, match="has 63 bytes"):
        check_signature(MESSAGE, made[1:], public)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "holds no key in PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds no key in PEM"),
        (b"\xff\xfe", "holds no key in PEM"),
    ],
)
def test_what_is_no_key_is_named(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(text)
    with pytest.raises(InputError, match=message) as refused:
        check_signature(MESSAGE, bytes(64), path)
    assert "edge-sdk key key.pem" in str(refused.value)
    with pytest.raises(EdgeSdkError, match="cannot be read"):
        sign(MESSAGE, tmp_path / "none.pem")


def test_keys_of_other_kinds_are_refused_and_named(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "other.pem"
    for other, named in (
        (ec.generate_private_key(ec.SECP384R1()), "holds a key of curve secp384r1, and signatures"),
        (rsa.generate_private_key(65537, 2048), "holds a key of kind RSA, and signatures are of"),
        (ed25519.Ed25519PrivateKey.generate(), "holds a key of kind Ed25519, and signatures are"),
    ):
        path.write_bytes(other.private_bytes(*plain))
        for refuses in (lambda: sign(MESSAGE, path), lambda: check_private(path)):
            with pytest.raises(InputError, match=named):
                refuses()
        public = other.public_key()
        path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        with pytest.raises(InputError, match=named):
            check_signature(MESSAGE, bytes(64), path)
    mine = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(mine.private_bytes(*plain[:2], BestAvailableEncryption(b"a word")))
    with pytest.raises(InputError, match="is locked by a password, and none is asked"):
        check_private(path)


def test_a_public_key_signs_nothing(tmp_path: Path) -> None:
    public = make_keys(tmp_path / "mine.pem")
    with pytest.raises(InputError, match="is a public key, which signs nothing; give its private"):
        check_private(public)


def test_a_pair_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.pem"
    public = make_keys(path)
    assert public.name == "mine.public.pem"
    assert path.stat().st_mode & 0o077 == 0
    assert b"PRIVATE" not in public.read_bytes()
    check_signature(MESSAGE, sign(MESSAGE, path), public)
    with pytest.raises(OutputError, match="is there already"):
        make_keys(path)


def test_keys_of_openssl_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    command = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out"
    subprocess.run([*command.split(), str(path)], check=True, capture_output=True)
    assert len(sign(MESSAGE, path)) == 64


def test_openssl_takes_the_vector(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    r, s = (int(VECTOR[at : at + 64], 16) for at in (0, 64))
    (tmp_path / "sig").write_bytes(encode_dss_signature(r, s))
    (tmp_path / "text").write_bytes(MESSAGE)
    (tmp_path / "public.pem").write_bytes(public_pem(key()))
    command = "openssl dgst -sha256 -verify public.pem -signature sig text"
    done = subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    assert b"Verified OK" in done.stdout


@pytest.mark.parametrize("bundle", ["whole", "signed", "missing"])
def test_a_key_that_is_missing_is_told_before_anything_of_the_bundle(bundle: str) -> None:
    path = Path(__file__).parent / "corpus" / f"{bundle}.zip"
    with pytest.raises(InputError, match=r"^nowhere\.pem: the key is missing; give the public key"):
        open_bundle(path, "nowhere.pem")
