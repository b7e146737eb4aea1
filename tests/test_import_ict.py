# SPDX-License-Identifier: Apache-2.0
"""ICT-FaceKit: the packed file and the OBJ folder give one and the same model, in metres and ARKit names."""

import json
from pathlib import Path

import numpy as np
import pytest
from mien.core.channels import ARKIT52, mirror_index
from mien.core.errors import BadInput
from mien.core.face_models.importers import import_model

COLUMNS, ROWS = 13, 15
EXPRESSIONS = ("browInnerUp_L", "browInnerUp_R", "cheekPuff_L", "cheekPuff_R", "eyeBlink_L", "eyeBlink_R",
               "jawOpen", "mouthLeft", "mouthRight")
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "ict_facekit" / "ict_facekit.npz"


def grid(columns: int, rows: int, size: tuple[float, float], centre: tuple[float, float, float],
         bulge: float) -> tuple[np.ndarray, np.ndarray]:
    """A bulging sheet that faces +z: vertices in centimetres and quads."""
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    points = np.stack([x * size[0], y * size[1], -bulge * (x**2 + y**2)], -1).reshape(-1, 3) + centre
    i = np.arange(rows * columns).reshape(rows, columns)
    return points, np.stack([i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]], -1).reshape(-1, 4)


def six_digits(values: np.ndarray) -> np.ndarray:
    """What is left of numbers that go through the text of an OBJ file."""
    return np.round(values, 6).astype(np.float32)


def kit() -> dict[str, np.ndarray]:
    """A face, two eyes, two rows of teeth and a layer in front of the eyes, in the packed file's arrays."""
    sheets = [("M_Face", grid(COLUMNS, ROWS, (7, 9), (0, 0, 11), 3), 0),
              ("M_ScleraLeft", grid(4, 4, (1, 1), (3, 3, 9), 0.5), 0),
              ("M_ScleraRight", grid(4, 4, (1, 1), (-3, 3, 9), 0.5), 0),
              ("M_Teeth", grid(4, 3, (2, 0.4), (0, -3, 9), 0.5), 3),
              ("M_Teeth", grid(4, 3, (2, 0.4), (0, -4, 9), 0.5), 3),
              ("M_EyeOcclusion", grid(3, 3, (1, 1), (3, 3, 10), 0.5), 0)]
    names = list(dict.fromkeys(name for name, _, _ in sheets))
    vertices, quads, uv, material = [], [], [], []
    start = 0
    for name, (points, polygons), tile in sheets:
        vertices.append(points)
        quads.append(polygons + start)
        span = np.ptp(points[:, :2], axis=0)
        uv.append((points[:, :2] - points[:, :2].min(0)) / span * 0.98 + 0.01 + [tile, 0])
        material += [names.index(name)] * len(polygons)
        start += len(points)
    polygons = np.concatenate(quads)
    polygons[0, 3] = -1
    neutral = np.concatenate(vertices)
    rng = np.random.default_rng(3)
    return {
        "neutral": six_digits(neutral), "quads": polygons.astype(np.int32),
        "quad_uv": polygons.astype(np.int32),
        "uv": six_digits(np.concatenate(uv)), "material": np.array(material, np.uint8),
        "material_names": np.array(names), "id_disp": six_digits(rng.normal(0, 0.2, (3, *neutral.shape))),
        "ex_disp": six_digits(rng.normal(0, 0.1, (len(EXPRESSIONS), *neutral.shape))),
        "ex_names": np.array(EXPRESSIONS),
        "landmarks68": rng.integers(0, COLUMNS * ROWS, 68).astype(np.int32),
        "part_names": np.array(["Narrow face area"]), "part_verts": np.array([[0, COLUMNS * ROWS]], np.int32)}


def write_packed(path: Path, **changes: np.ndarray | None) -> Path:
    np.savez(path, **{k: a for k, a in (kit() | changes).items() if a is not None})
    return path


def write_folder(root: Path) -> Path:
    """The kit as OBJ files, the way they are published."""
    data = kit()
    folder = root / "FaceXModel"
    folder.mkdir()
    shapes = {"generic_neutral_mesh": np.zeros_like(data["neutral"])}
    shapes |= {f"identity{i:03d}": d for i, d in enumerate(data["id_disp"])}
    shapes |= dict(zip(EXPRESSIONS, data["ex_disp"], strict=True))
    for name, displacement in shapes.items():
        lines = ["# comment", "mtllib ICTFaceModelMaterial.mtl"]
        lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in data["neutral"].astype(float) + displacement]
        lines += [f"vt {u:.6f} {v:.6f}" for u, v in data["uv"]]
        last = -1
        for quad, corners, material in zip(data["quads"], data["quad_uv"], data["material"], strict=True):
            if material != last:
                lines.append(f"usemtl {data['material_names'][material]}")
                last = material
            pairs = zip(quad, corners, strict=True)
            lines.append("f " + " ".join(f"{q + 1}/{c + 1}" for q, c in pairs if q >= 0))
        (folder / f"{name}.obj").write_text("\n".join(lines) + "\n")
    indices = {"expressions": list(EXPRESSIONS), "idx_to_landmark_verts": data["landmarks68"].tolist()}
    (folder / "vertex_indices.json").write_text(json.dumps(indices))
    return root


def test_packed_file(tmp_path: Path) -> None:
    data = kit()
    model = import_model(write_packed(tmp_path / "ict.npz"))
    shown = len(data["neutral"]) - 9
    assert model.vertex_count == shown, "the layer in front of the eyes is left out"
    origin = np.array([0, 3, (8 + 9 - 1 / 9) / 2])
    eyes = np.concatenate([model.mean[np.unique(model.triangles[model.triangle_part == p])] for p in (1, 2)])
    assert np.allclose((eyes.min(0) + eyes.max(0)) / 2, 0, atol=1e-6)
    assert np.allclose(model.mean, (data["neutral"][:shown] - origin) / 100, atol=1e-6)
    assert np.allclose(model.identity_basis, data["id_disp"][:, :shown] / 100)
    points = model.points("ibug68", model.mean)
    assert np.allclose(points, model.mean[data["landmarks68"]], atol=1e-7)


def test_expressions_are_arkit(tmp_path: Path) -> None:
    data = kit()
    model = import_model(write_packed(tmp_path / "ict.npz"))
    own = dict(zip(EXPRESSIONS, data["ex_disp"][:, :model.vertex_count] / 100, strict=True))
    got = dict(zip(model.expression_names, model.expression_basis, strict=True))
    assert model.expression_names == ARKIT52
    expected = {"browInnerUp": own["browInnerUp_L"] + own["browInnerUp_R"], "jawOpen": own["jawOpen"],
                "cheekPuff": own["cheekPuff_L"] + own["cheekPuff_R"], "eyeBlinkLeft": own["eyeBlink_L"],
                "eyeBlinkRight": own["eyeBlink_R"], "mouthLeft": own["mouthLeft"]}
    for name, shape in expected.items():
        assert np.allclose(got[name], shape, atol=1e-7), name
    assert not got["tongueOut"].any()


def test_surface_uv_and_parts(tmp_path: Path) -> None:
    data = kit()
    model = import_model(write_packed(tmp_path / "ict.npz"))
    quads = ~np.isin(data["material"], [list(data["material_names"]).index("M_EyeOcclusion")])
    assert len(model.triangles) == 2 * quads.sum() - 1
    corners = model.mean[model.triangles]
    assert (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] > 0).all()
    assert model.uv.min() >= 0 and model.uv.max() <= 1
    skin = model.triangle_part == model.part_names.index("skin")
    boxes = []
    for part in np.unique(model.triangle_part):
        uv = model.uv[model.uv_triangles[model.triangle_part == part]].reshape(-1, 2)
        boxes.append((uv.min(0), uv.max(0)))
    apart = [(a[1] < b[0]).any() or (b[1] < a[0]).any() for a in boxes[:3] for b in boxes[:3] if a is not b]
    assert all(apart), "skin and eyes have places of their own"
    names = {model.part_names[p] for p in np.unique(model.triangle_part)}
    assert names == {"skin", "eye_left", "eye_right", "teeth_upper", "teeth_lower"}
    height = {n: model.mean[model.triangles[model.triangle_part == model.part_names.index(n)], 1].mean()
              for n in ("teeth_upper", "teeth_lower")}
    assert height["teeth_upper"] > height["teeth_lower"]
    face = model.regions["face"]
    assert (face[np.unique(model.triangles[skin])] == 1).all() and face.sum() == COLUMNS * ROWS


def test_obj_folder_gives_the_same_model(tmp_path: Path) -> None:
    packed = import_model(write_packed(tmp_path / "ict.npz"))
    folder = import_model(write_folder(tmp_path))
    assert np.abs(folder.identity_basis - packed.identity_basis).max() < 2e-8
    assert np.abs(folder.expression_basis - packed.expression_basis).max() < 2e-8
    assert np.abs(folder.mean - packed.mean).max() < 1e-8
    assert np.array_equal(folder.triangles, packed.triangles)
    assert np.array_equal(folder.uv_triangles, packed.uv_triangles)
    assert np.allclose(folder.uv, packed.uv, atol=1e-6)
    assert np.array_equal(folder.triangle_part, packed.triangle_part)
    assert import_model(tmp_path / "FaceXModel").hash == folder.hash


def damage(root: Path, what: str) -> None:
    folder = root / "FaceXModel"
    target = folder / ("generic_neutral_mesh.obj" if "neutral" in what else "identity001.obj")
    text = target.read_text()
    if what.endswith("truncated"):
        target.write_text(text[:len(text) // 3])
    elif what.endswith("gone"):
        (folder / "jawOpen.obj").unlink()
    elif what.endswith("binary"):
        target.write_bytes(b"\x00\xff" * 500)
    elif what.endswith("ngon"):
        target.write_text(text + "f 1/1 2/2 3/3 4/4 5/5\n")
    elif what.endswith("far"):
        target.write_text(text + "f 1/1 2/2 99999/3\n")
    elif what.endswith("nan"):
        target.write_text(text + "v nan 1 2\n")
    elif what.endswith("identities"):
        for path in folder.glob("identity*.obj"):
            path.unlink()
    elif what.endswith("json"):
        text = '{"expressions": ["../../secret"], "idx_to_landmark_verts": []}'
        (folder / "vertex_indices.json").write_text(text)
    else:
        (folder / "vertex_indices.json").write_text("[" * 100000)


@pytest.mark.parametrize("what", [
    "neutral truncated", "identity truncated", "gone", "binary", "neutral binary", "neutral ngon",
    "neutral far", "neutral nan", "no identities", "json", "deep"])
def test_damaged_folder_is_told(tmp_path: Path, what: str) -> None:
    damage(write_folder(tmp_path), what)
    with pytest.raises(BadInput) as caught:
        import_model(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [
    {"quads": None}, {"neutral": np.zeros((5, 3), np.float32)}, {"landmarks68": np.full(68, 10**6, np.int32)},
    {"quads": np.full((3, 4), -1, np.int32)}, {"neutral": np.full((10, 3), np.nan)},
    {"ex_names": np.array(["x"])},
    {"id_disp": np.array(["text"])}, {"material": np.full(400, 200, np.uint8)},
    {"part_verts": np.zeros((0, 2), int)}])
def test_damaged_packed_file_is_told(tmp_path: Path, changes: dict[str, np.ndarray | None]) -> None:
    with pytest.raises(BadInput):
        import_model(write_packed(tmp_path / "ict.npz", **changes), "ict")


def test_unknown_files_and_kinds_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_text("hello")
    for path, kind in ((tmp_path / "nothing", None), (tmp_path / "x.pkl", None), (tmp_path, None),
                       (tmp_path / "x.pkl", "smpl"), (tmp_path / "x.pkl", "bfm"), (tmp_path / "x.pkl", "ict"),
                       (tmp_path, "flame"), (tmp_path, "bfm")):
        with pytest.raises(BadInput):
            import_model(path, kind)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs the packed ICT-FaceKit beside the checkout")
def test_whole_kit() -> None:
    model = import_model(SHARED)
    assert model.vertex_count == 26719 - 2 * (204 + 24 + 152)
    assert len(model.identity_basis) == 100 and model.expression_names == ARKIT52
    assert np.allclose(model.mean[model.mirror], model.mean * [-1, 1, 1], atol=3e-4)
    mirrored = model.expression_basis[mirror_index(model.expression_names)]
    face = model.regions["face"] > 0
    uneven = np.abs(mirrored[:, model.mirror] * [-1, 1, 1] - model.expression_basis)[:, face]
    assert np.quantile(uneven, 0.9999) < 3e-4, "the kit is uneven in the mouth's inside, not in the face"
    moving = np.abs(model.expression_basis).max((1, 2))
    assert model.expression_names[moving.argmin()] == "tongueOut" and np.sort(moving)[1] > 2e-3
    mesh = model.points("mesh478", model.mean)
    centres = [model.mean[np.unique(model.triangles[model.triangle_part == p])].mean(0) for p in (1, 2)]
    assert all(min(np.linalg.norm(mesh[i, :2] - c[:2]) for c in centres) < 4e-3 for i in (468, 473))
    lids = model.expression_basis[ARKIT52.index("eyeBlinkRight")]
    moved = np.linalg.norm(model.points("mesh478", lids), axis=1)
    assert moved[[159, 158, 160]].min() > 6e-3 > 1e-3 > moved[[386, 1, 152]].max(), "upper lid, the other, nose, chin"
    points = model.points("ibug68", model.mean)
    assert points[36, 0] < 0 < points[45, 0] and points[8, 1] < points[57, 1] < points[33, 1] < 0
    eyes = [model.mean[np.unique(model.triangles[model.triangle_part == p])] for p in (1, 2)]
    assert eyes[0][:, 0].mean() > 0.02 and abs(eyes[0][:, 0].mean() + eyes[1][:, 0].mean()) < 1e-6
    a, b = (model.uv[model.uv_triangles[:, k]] - model.uv[model.uv_triangles[:, 0]] for k in (1, 2))
    assert 0.5 < np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2 < 1
