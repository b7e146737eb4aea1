# SPDX-License-Identifier: Apache-2.0
import datetime
import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mien.core.errors import BadInput, CannotWrite
from mien.core.fit_files import load_fit
from mien.core.image import read_image, write_image
from mien.core.playback import write_video
from mien.core.provenance.marking import mark
from mien.core.provenance.note import COMPOSITE, GENERATED, GENERATED_PARTS, Provenance, consent_line
from mien.core.provenance.reading import consent_in, read_provenance
from mien.core.provenance.xmp import from_xmp, to_xmp

PORTRAIT = Path(__file__).parents[1] / "core/demo_data/astronaut.jpg"
MATROSKA = b"\x1aE\xdf\xa3"
NOTE = Provenance(GENERATED, consent='Signed <release> & "yes" of März 2026')
FRAME = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)


def picture(folder: Path, suffix: str) -> Path:
    path = folder / f"picture{suffix}"
    write_image(path, FRAME)
    return path


def video(folder: Path, suffix: str = ".mp4", **options: object) -> Path:
    path = folder / f"video{suffix}"
    write_video(path, [FRAME] * 3, 25, provenance=NOTE, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_pictures_tell_and_keep_their_pixels(tmp_path: Path, suffix: str) -> None:
    path = picture(tmp_path, suffix)
    before = read_image(path)
    assert read_provenance(path) is None
    mark(path, NOTE)
    assert read_provenance(path) == NOTE
    assert consent_in(path) == NOTE.consent
    np.testing.assert_array_equal(read_image(path), before)


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov"])
def test_videos_tell_in_xmp_and_in_their_tags(tmp_path: Path, suffix: str) -> None:
    path = video(tmp_path, suffix)
    assert read_provenance(path) == NOTE
    with av.open(str(path)) as container:
        assert container.metadata["digitalSourceType"] == GENERATED
        assert len(list(container.decode(video=0))) == 3


def test_matroska_tells_in_its_tags(tmp_path: Path) -> None:
    found = read_provenance(video(tmp_path, ".mkv"))
    assert found is not None
    assert (found.source_type, found.consent) == (NOTE.source_type, NOTE.consent)


def test_another_reader_finds_the_packet(tmp_path: Path) -> None:
    from PIL import Image

    for suffix in (".png", ".jpg"):
        path = picture(tmp_path, suffix)
        mark(path, NOTE)
        with Image.open(path) as opened:
            opened.load()
            packet = opened.info.get("xmp") or opened.info["XML:com.adobe.xmp"]
        assert from_xmp(packet if isinstance(packet, bytes) else packet.encode()) == NOTE


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_is_said_comes_back_as_one_line(description: str, consent: str) -> None:
    texts = ["".join(c for c in text if c.isprintable()) for text in (description, consent)]
    said = Provenance(COMPOSITE, "Tool", *texts)
    lines = [" ".join(text.split()) for text in texts]
    assert from_xmp(to_xmp(said)) == Provenance(COMPOSITE, "Tool", *lines)


@given(st.binary(max_size=300))
@example(MATROSKA)
def test_no_bytes_stop_the_reader(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    """They say nothing; only what begins as a Matroska video, and is none, is refused in a sentence."""
    path = tmp_path_factory.mktemp("junk") / "a"
    large = struct.pack(">I4sQ", 1, b"mdat", 2**63)
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\0\0\0\x08ftyp", large):
        path.write_bytes(start + junk)
        try:
            assert read_provenance(path) is None
        except BadInput:
            assert (start + junk).startswith(MATROSKA)
    assert from_xmp(junk) is None


def test_entities_are_not_expanded() -> None:
    packet = to_xmp(NOTE).decode()
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + packet.replace("Made from", "&b;")
    assert from_xmp(bomb.encode()) is None


def test_elements_of_other_programs_are_read() -> None:
    element = f"<Iptc4xmpExt:DigitalSourceType>{COMPOSITE}</Iptc4xmpExt:DigitalSourceType>"
    packet = to_xmp(replace(NOTE, source_type="", consent="")).decode().replace(
        "<dc:description>", element + "<dc:description>")
    found = from_xmp(packet.encode())
    assert found is not None
    assert found.source_type == COMPOSITE


def test_a_png_stays_a_valid_png(tmp_path: Path) -> None:
    path = picture(tmp_path, ".png")
    mark(path, NOTE)
    data, place, kinds = path.read_bytes(), 8, []
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 4:place + 8 + length]
        assert struct.unpack_from(">I", data, place + 8 + length)[0] == zlib.crc32(body)
        kinds.append(kind)
        place += 12 + length
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND" and kinds.count(b"iTXt") == 1


def test_a_note_is_one_line() -> None:
    assert consent_line("  yes  ") == "yes"
    for text in ("two\nlines", "x" * 501):
        with pytest.raises(BadInput, match="one line"):
            consent_line(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no file"):
        read_provenance(tmp_path / "none.png")


def test_a_consent_goes_from_the_photo_into_all_that_is_made_of_it(tmp_path: Path, mien) -> None:
    photo, face, head, film = (tmp_path / name for name in ("p.jpg", "f.npz", "h.glb", "v.mp4"))
    photo.write_bytes(PORTRAIT.read_bytes())
    mark(photo, replace(NOTE, source_type=""))
    assert mien("fit", photo, "-o", face, "--glb", head).code == 0
    assert load_fit(face).consent == NOTE.consent
    document = json.loads(head.read_bytes()[20:20 + struct.unpack_from("<I", head.read_bytes(), 12)[0]])
    assert document["asset"]["extras"] == {"consent": NOTE.consent}
    motion = PORTRAIT.with_name("talking.npz")
    assert mien("export", motion, "-o", tmp_path / "short.json", "--fps", "1").code == 0
    assert mien("animate", photo, "--motion", tmp_path / "short.json", "-o", film).code == 0
    said = json.loads(mien("inspect", film, "--json").out)
    assert (said["source_type"], said["consent"]) == (GENERATED_PARTS, NOTE.consent)
    assert mien("animate", photo, "--motion", tmp_path / "short.json", "-o", film, "--consent", "mine",
                "--renderer", "mesh").code == 0
    said = json.loads(mien("inspect", film, "--json").out)
    assert (said["source_type"], said["consent"]) == (COMPOSITE, "mine")
    assert NOTE.consent in mien("inspect", face).out


def test_a_file_that_says_nothing(tmp_path: Path, mien) -> None:
    said = mien("inspect", picture(tmp_path, ".png"))
    assert said.code == 0 and "nothing is said" in said.out
    assert mien("inspect", tmp_path / "none.png").code == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A chain that ends in a root of its own, and the key, as C2PA wants them."""
    pytest.importorskip("c2pa", reason="Content Credentials need c2pa-python")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as pem
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.UTC)
    names = {name: x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Mien tests"),
                              x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("root", "signer")}
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in names}
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign",
                           "encipher_only", "decipher_only"), False)

    def made(name: str) -> x509.Certificate:
        root = name == "root"
        builder = x509.CertificateBuilder(names["root"], names[name], keys[name].public_key(),
                                          x509.random_serial_number(), now - datetime.timedelta(1),
                                          now + datetime.timedelta(9))
        builder = builder.add_extension(x509.BasicConstraints(root, None), True).add_extension(
            x509.KeyUsage(digital_signature=not root, key_cert_sign=root, **usage), True).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(keys["root"].public_key()), False)
        if not root:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return builder.sign(keys["root"], hashes.SHA256())

    folder = tmp_path_factory.mktemp("certificate")
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(made(name).public_bytes(pem.Encoding.PEM) for name in ("signer", "root")))
    key.write_bytes(keys["signer"].private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()))
    return chain, key


def test_a_signature_holds_until_the_file_is_changed(tmp_path: Path, certificate: tuple[Path, Path], mien) -> None:
    from mien.core.provenance.signing import Signer, read_credentials

    path = video(tmp_path, signer=Signer(*certificate))
    assert read_provenance(path) == NOTE
    found = read_credentials(path)
    assert found is not None
    assert (found.state, found.issuer) == ("Valid", "Mien tests")
    assert "Mien" in found.tool
    data = bytearray(path.read_bytes())
    data[data.index(b"mdat") + 40] ^= 1
    path.write_bytes(data)
    assert read_credentials(path).state == "Invalid"
    assert "Invalid" in json.loads(mien("inspect", path, "--json").out)["signature"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_signed_consent_cannot_be_altered(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    from mien.core.provenance.signing import Signer, read_credentials

    path = video(tmp_path, signer=Signer(*certificate))
    path.write_bytes(path.read_bytes().replace(b"Signed &lt;release", b"Signed &lt;denial "))
    assert "denial" in consent_in(path)
    assert read_credentials(path).state == "Invalid"


def test_unfit_certificates_are_refused_before_the_work(tmp_path: Path, certificate: tuple[Path, Path], mien) -> None:
    from mien.core.provenance.signing import Signer

    chain, key = certificate
    junk, alone = tmp_path / "junk.pem", tmp_path / "root.pem"
    junk.write_text("no")
    alone.write_text("-----BEGIN CERTIFICATE-----" + chain.read_text().split("-----BEGIN CERTIFICATE-----")[2])
    for pair in ((junk, key), (chain, junk), (chain, chain), (alone, key), (tmp_path / "none", key)):
        with pytest.raises(BadInput):
            Signer(*pair)
    film = tmp_path / "v.mp4"
    motion = PORTRAIT.with_name("talking.npz")
    said = mien("animate", PORTRAIT, "--motion", motion, "-o", film, "--certificate", chain)
    assert said.code == 1 and "both" in said.err
    assert mien("animate", PORTRAIT, "--motion", motion, "-o", film, "--certificate", alone, "--key", key).code == 1
    assert not film.exists()


def test_a_format_without_room_for_a_signature(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    from mien.core.provenance.signing import Signer

    with pytest.raises(CannotWrite, match="Cannot sign"):
        video(tmp_path, ".mkv", signer=Signer(*certificate))
    assert not list(tmp_path.iterdir())
