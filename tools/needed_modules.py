# SPDX-License-Identifier: Apache-2.0
"""Which modules of core and models the add-on imports, directly or by others: those that the extension must carry.

Run as a program, it writes their names into blender_manifest.toml.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "    # The modules, as `make extension-modules` writes them:\n"
END = "    # End of the modules."


def needed(root: Path = ROOT) -> list[str]:
    """Names of the files in core and models, sorted, with forward slashes; imports inside functions count as well."""
    found: set[Path] = set()
    waiting = [root / "__init__.py", *(root / "addon").rglob("*.py")]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _packages_of(path, root)
            waiting += _imports(path)
    return sorted(name for name in (p.relative_to(root).as_posix() for p in found)
                  if name.startswith(("core/", "models/")))


def _packages_of(path: Path, root: Path) -> Iterator[Path]:
    for folder in path.relative_to(root).parents:
        yield root / folder / "__init__.py"


def _imports(path: Path) -> Iterator[Path]:
    """The files behind the relative imports of a file, but those that only a type checker follows."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {id(node) for branch in ast.walk(tree) if isinstance(branch, ast.If) and _for_types(branch.test)
              for statement in branch.body for node in ast.walk(statement)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and id(node) not in unseen:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for alias in node.names:
                yield _file_of(base, alias.name, path)


def _for_types(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _file_of(base: Path, name: str, importer: Path) -> Path:
    for path in (base / f"{name}.py", base / name / "__init__.py", base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    raise SystemExit(f"{importer} imports {name} from {base}, which is not there.")


def manifest_lines() -> str:
    """The exceptions from "nothing of core and models" in the manifest: the folders of the modules, and the modules."""
    modules = needed()
    folders = {Path(module).parent.as_posix() for module in modules} - {"core", "models"}
    return "".join(f'    "!/{name}",\n' for name in [*sorted(folders), *modules])


def write() -> None:
    """Put the lines into the manifest, between its two comments."""
    manifest = ROOT / "blender_manifest.toml"
    before, rest = manifest.read_text(encoding="utf-8").split(BEGIN)
    after = rest[rest.index(END):]
    manifest.write_text(before + BEGIN + manifest_lines() + after, encoding="utf-8")


if __name__ == "__main__":
    write()
