# SPDX-License-Identifier: Apache-2.0
"""Signatures of models, for firmware that serves only those of its owner.

A signed model is its file and, behind it, the Ed25519 signature (RFC 8032) of all of that file: 64 bytes.  Whatever
reads models takes it as it takes the file.  Keys are PEM files, as `openssl genpkey -algorithm ed25519` makes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from groat.errors import InputError
from groat.pack import reader
from groat.runners.protocol import load_protocol

_MAKE = "make one with: openssl genpkey -algorithm ed25519 -out key.pem"


def sign(packed: bytes, key: str | Path, name: str = "packed model") -> bytes:
    """The model with its signature behind it; one that it had before is left out.

    Args:
        packed: the packed model.
        key: the PEM file of a private key, without a password.
        name: of the model, for messages.

    Raises:
        ModelError: the bytes are no packed model.
        InputError: the file is not there, or holds no such key.
    """
    reader.check(packed, name)
    model = packed[: reader.file_bytes(packed)]
    private = _read(key, "private")
    signature: bytes = private.sign(model)
    return model + signature


def is_signed(packed: bytes) -> bool:
    """Whether there is a signature behind the model, by whatever key."""
    return len(packed) == reader.file_bytes(packed) + load_protocol().signature_bytes


def load_public_key(key: str | Path) -> bytes:
    """The 32 bytes of a public key, for `firmware.build`.

    Args:
        key: the PEM file of a public key, or of a private one, whose public one it is then.

    Raises InputError if the file is not there, or holds no such key.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw: bytes = _read(key, "public").public_bytes(Encoding.Raw, PublicFormat.Raw)
    return raw


def _read(path: str | Path, kind: str) -> Any:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
    except ImportError as error:
        raise InputError("signatures need the package cryptography: pip install 'groat[sign]'") from error
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    try:
        if kind == "public" and b"PRIVATE KEY" not in data:
            found: Any = load_pem_public_key(data)
        else:
            found = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} holds no {kind} key in PEM that has no password: {error}; {_MAKE}") from error
    if not isinstance(found, (Ed25519PrivateKey, Ed25519PublicKey)):
        raise InputError(f"{path} holds a key of another kind, {type(found).__name__}; expected Ed25519; {_MAKE}")
    return found.public_key() if kind == "public" and isinstance(found, Ed25519PrivateKey) else found
