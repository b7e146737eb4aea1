# SPDX-License-Identifier: Apache-2.0
"""Unpacks somebody else's .pkl or .mat into plain arrays, in a process of its own that may die.

Run as a script by `quarantine.py`: ``decode_child.py KIND SOURCE OUT.npz SECONDS MEGABYTES``. It stands alone
(no relative imports) so that it runs isolated. The unpickler knows a closed list of names; each stands for a
class of this file that stores what it is given and does nothing. No other unpickling code, be it numpy's or
scipy's, ever sees what the file holds.
"""

import pickle
import sys
from typing import Any

import numpy as np

FLAME_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights", "f")
BFM_KEYS = ("shapeMU", "shapePC", "shapeEV", "tl")
MAX_ELEMENTS = 1 << 27
_CODES = {f"{kind}{size}" for kind, sizes in (("f", (2, 4, 8)), ("i", (1, 2, 4, 8)), ("u", (1, 2, 4, 8)))
          for size in sizes} | {"b1"}


class RefusedError(Exception):
    """The file is not what it should be; the text says why."""


class DtypeStub:
    """Stands for numpy.dtype: a checked type code and byte order."""

    def __init__(self, code: str = "", *_: object) -> None:
        code = {"float64": "f8", "float32": "f4", "int64": "i8", "int32": "i4"}.get(str(code), str(code))
        if code.lstrip("<>=|") not in _CODES:
            raise RefusedError(f"it holds an array of type {code[:20]!r}, not of numbers")
        self.code, self.order = code.lstrip("<>=|"), "<"

    def __setstate__(self, state: Any) -> None:
        if state[1] not in ("<", ">", "=", "|") or any(part is not None for part in state[2:5]):
            raise RefusedError("it holds an array of a compound type")
        self.order = "<" if state[1] in "=|" else state[1]

    def real(self) -> "np.dtype[Any]":
        return np.dtype(self.order + self.code)


class ArrayStub:
    """Stands for a numpy.ndarray: rebuilt from its raw bytes by this class, not by numpy's own unpickling."""

    def __init__(self, *_: object) -> None:
        self.value: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        self.fill(raw, dtype, shape, "F" if fortran else "C")

    def fill(self, raw: Any, dtype: Any, shape: Any, order: str) -> "ArrayStub":
        data = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
        if not isinstance(dtype, DtypeStub):
            raise RefusedError("it holds an array without a type")
        extent = tuple(int(n) for n in shape)
        flat = np.frombuffer(data, dtype.real())
        self.value = flat.reshape(extent[::-1]).T if order == "F" else flat.reshape(extent)
        return self


class SparseStub:
    """Stands for a sparse matrix in compressed columns or rows: keeps its three arrays."""

    columns = True

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.parts = {key: plain(state[key]) for key in ("data", "indices", "indptr")}
        shape = state.get("_shape", state.get("shape"))
        self.shape = (int(shape[0]), int(shape[1]))  # type: ignore[index]

    def dense(self) -> "np.ndarray[Any, Any]":
        rows, columns = self.shape
        if rows * columns > MAX_ELEMENTS:
            raise RefusedError("its sparse matrix is too large")
        result = np.zeros((rows, columns))
        outer = np.repeat(np.arange(len(self.parts["indptr"]) - 1), np.diff(self.parts["indptr"]))
        place = (self.parts["indices"], outer) if self.columns else (outer, self.parts["indices"])
        np.add.at(result, place, self.parts["data"])
        return result


class CsrStub(SparseStub):
    """The same, by rows."""

    columns = False


class ChumpyStub:
    """Stands for chumpy.Ch, an array that remembers how it was made: only the array is kept."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.x = state.get("x")


class ObjectStub:
    """Stands for `object`, which old pickles name as a base class."""


def reconstruct_array(*_: object) -> ArrayStub:
    """Stands for numpy's `_reconstruct`: the state follows."""
    return ArrayStub()


def array_from_buffer(raw: Any, dtype: Any, shape: Any, order: str) -> ArrayStub:
    """Stands for numpy's `_frombuffer` of protocol 5."""
    return ArrayStub().fill(raw, dtype, shape, "F" if order == "F" else "C")


def scalar(dtype: Any, raw: Any) -> ArrayStub:
    """Stands for numpy's `scalar`."""
    return ArrayStub().fill(raw, dtype, (), "C")


def new_instance(kind: Any, *_: object) -> Any:
    """Stands for copyreg's `_reconstructor`: an empty one of our own stubs, of nothing else."""
    if kind not in (SparseStub, CsrStub, ChumpyStub, ObjectStub):
        raise RefusedError("it builds an object of an unexpected kind")
    return kind()


def latin1_bytes(text: str, _: str = "latin1") -> bytes:
    """Stands for `_codecs.encode`, by which older protocols write bytes."""
    return text.encode("latin1")


def _allowed() -> dict[tuple[str, str], Any]:
    names: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): ArrayStub, ("numpy", "dtype"): DtypeStub, ("_codecs", "encode"): latin1_bytes,
        ("chumpy.ch", "Ch"): ChumpyStub, ("chumpy", "Ch"): ChumpyStub,
        ("copyreg", "_reconstructor"): new_instance, ("builtins", "object"): ObjectStub,
        ("copy_reg", "_reconstructor"): new_instance, ("__builtin__", "object"): ObjectStub}
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = reconstruct_array
        names[f"{core}.multiarray", "scalar"] = scalar
        names[f"{core}.numeric", "_frombuffer"] = array_from_buffer
    for module in ("scipy.sparse.", "scipy.sparse._"):
        for kind in ("matrix", "array"):
            names[f"{module}csc", f"csc_{kind}"] = SparseStub
            names[f"{module}csr", f"csr_{kind}"] = CsrStub
    return names


class ClosedUnpickler(pickle.Unpickler):
    """An unpickler for which nothing exists but the stubs of this file."""

    names = _allowed()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.names[module, name]
        except KeyError:
            asked = f"{module}.{name}"[:80]
            text = f"it asks for {asked}, which no FLAME model needs; it may be malicious"
            raise RefusedError(text) from None


def plain(value: Any) -> "np.ndarray[Any, Any]":
    """An array of numbers from whatever wrapping a FLAME file gives it."""
    for _ in range(4):
        if isinstance(value, ChumpyStub):
            value = value.x
        elif isinstance(value, ArrayStub):
            value = value.value
        elif isinstance(value, SparseStub):
            value = value.dense()
    if not isinstance(value, np.ndarray):
        raise RefusedError("one of its entries is not an array of numbers")
    return value


def read_pickle(path: str) -> dict[str, "np.ndarray[Any, Any]"]:
    """The arrays of a FLAME .pkl (chumpy and scipy objects inside, Python 2 strings as latin-1)."""
    with open(path, "rb") as file:  # noqa: PTH123 - this script imports no more than it needs
        content = ClosedUnpickler(file, encoding="latin1").load()
    if not isinstance(content, dict):
        raise RefusedError("it is a pickle of something else")
    return {key: plain(content[key]) for key in FLAME_KEYS if key in content}


def read_mat(path: str) -> dict[str, "np.ndarray[Any, Any]"]:
    """The arrays of BFM 2009's MATLAB 5 file; sizes are looked at before any is read."""
    from scipy.io import loadmat, whosmat

    for name, shape, _ in whosmat(path):
        if name in BFM_KEYS and int(np.prod(shape, dtype=np.float64)) > MAX_ELEMENTS:
            raise RefusedError(f"its array {name} is too large")
    content = loadmat(path, variable_names=list(BFM_KEYS))
    arrays = {key: content[key] for key in BFM_KEYS if key in content}
    if any(not isinstance(a, np.ndarray) or a.dtype.kind not in "fiu" for a in arrays.values()):
        raise RefusedError("one of its entries is not an array of numbers")
    return arrays


def limit(seconds: int, megabytes: int) -> None:
    """Let the system end this process if it takes more; on Windows only the time limit outside remains."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(arguments: list[str]) -> int:
    kind, source, target, seconds, megabytes = arguments
    limit(int(seconds), int(megabytes))
    try:
        arrays = {"pickle": read_pickle, "mat": read_mat}[kind](source)
        np.savez(target, **arrays)  # type: ignore[arg-type]
    except MemoryError:
        print("it needs too much memory", file=sys.stderr)
        return 1
    except Exception as error:  # a hostile file may raise anything; one line of it is all that gets out
        text = " ".join(str(error).split())[:300]
        print(text if isinstance(error, RefusedError) else f"{type(error).__name__}: {text}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
