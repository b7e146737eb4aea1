# SPDX-License-Identifier: Apache-2.0
"""Content Credentials: files signed by C2PA's standard (version 2.x) with the user's own certificate."""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ... import __version__
from ..errors import BadInput, CannotWrite, MissingPart
from ..files import atomic_write
from .note import COMPOSITE, Provenance

HINT = "pip install 'mien[provenance]'"
_LARGEST = 1 << 20
_SUFFIXES = (".mp4", ".m4v", ".mov", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif", ".avi", ".wav", ".mp3",
             ".heic", ".avif", ".dng", ".svg", ".pdf")
"""What may hold credentials"""
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Credentials:
    """What a file's signature says: whether it holds, and whose it is."""

    state: str
    """Trusted; Valid where the certificate leads to no root that is trusted here; Invalid"""
    issuer: str
    tool: str


class Signer:
    """Sign files with a certificate chain and its key, both PEM; the chain begins with the signer's own.

    Raises:
        MissingPart: c2pa-python is not installed.
        BadInput: the files cannot be read, do not belong together, or are not fit for C2PA.
    """

    def __init__(self, certificate: str | os.PathLike[str], key: str | os.PathLike[str]) -> None:
        self._c2pa = _c2pa()
        chain, secret = _read(certificate), _read(key)
        try:
            info = self._c2pa.C2paSignerInfo(_algorithm(secret, key), chain, secret, None)
            self._signer = self._c2pa.Signer.from_info(info)
            self._rehearse()
        except self._c2pa.C2paError as error:
            raise BadInput(f"{certificate} and {key} cannot sign ({' '.join(str(error).split())}); C2PA needs a valid "
                           "certificate chain for signing documents, and the key of its first certificate.") from error

    def sign(self, path: Path, provenance: Provenance) -> None:
        """Put the credentials into a finished file, in place.

        Raises:
            CannotWrite: its format holds no credentials, or the disk is full.
        """
        with atomic_write(path) as temporary:
            temporary.unlink()
            try:
                self._builder(provenance).sign_file(path, temporary, self._signer)
            except self._c2pa.C2paError as error:
                reason = " ".join(str(error).split())
                raise CannotWrite(f"Cannot sign {path.name} ({reason}); leave the certificate away.") from error

    def _rehearse(self) -> None:
        """Sign a picture of one pixel, so that an unfit certificate is found before the work."""
        from PIL import Image

        picture = io.BytesIO()
        Image.new("RGB", (1, 1)).save(picture, "PNG")
        picture.seek(0)
        self._builder(Provenance(COMPOSITE)).sign(self._signer, "image/png", picture, io.BytesIO())

    def _builder(self, provenance: Provenance) -> Any:
        created = {"action": "c2pa.created", "digitalSourceType": provenance.source_type,
                   "description": provenance.description}
        return self._c2pa.Builder({
            "claim_generator_info": [{"name": "Mien", "version": __version__}],
            "assertions": [{"label": "c2pa.actions", "data": {"actions": [created]}}]})


def read_credentials(path: str | os.PathLike[str]) -> Credentials | None:
    """The credentials of a file; None where it has none or can have none.

    Raises:
        MissingPart: c2pa-python is not installed.
        BadInput: they are damaged.
    """
    c2pa = _c2pa()
    if Path(path).suffix.lower() not in _SUFFIXES:
        return None
    try:
        with c2pa.Reader(path) as reader:
            manifest = reader.get_active_manifest() or {}
            state = reader.get_validation_state() or "Invalid"
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return None
    except c2pa.C2paError as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{path} has Content Credentials that cannot be read: {reason}.") from error
    tools = [str(tool.get("name", "")) for tool in manifest.get("claim_generator_info", [])]
    return Credentials(str(state), str(manifest.get("signature_info", {}).get("issuer", "")), ", ".join(tools))


def _c2pa() -> ModuleType:
    try:
        import c2pa
    except ImportError as error:
        raise MissingPart(f"Content Credentials need c2pa-python: {HINT}") from error
    module: ModuleType = c2pa
    return module


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST)
    except OSError as error:
        raise BadInput(f"Cannot read {path}: {error.strerror or error}.") from error
    if b"-----BEGIN" not in data:
        raise BadInput(f"{path} is not a PEM file.")
    return data


def _algorithm(secret: bytes, key: str | os.PathLike[str]) -> str:
    """C2PA's name of the algorithm that a private key signs with."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        loaded = load_pem_private_key(secret, None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise BadInput(f"{key} is not a private key without a password (PEM).") from error
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and loaded.curve.name in _CURVES:
        return _CURVES[loaded.curve.name]
    if isinstance(loaded, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise BadInput(f"{key} has a kind that C2PA does not know; use ECDSA (P-256, P-384, P-521), RSA or Ed25519.")
