"""Paths of any file system that Arrow knows: local, s3://, gs://, hdfs://."""

import fnmatch
import glob
import os
import posixpath
import uuid

from pyarrow import fs as arrow_fs


def opened(path: str):
    """The file system of a path or URL, and the path in it."""
    if "://" in path:
        return arrow_fs.FileSystem.from_uri(path)
    return arrow_fs.LocalFileSystem(), os.path.abspath(path)


def scheme_of(path: str) -> str:
    return path.split("://", 1)[0] + "://" if "://" in path else ""


def listed(pattern: str) -> list[str]:
    """The files of a pattern, sorted. Raises FileNotFoundError where there are none."""
    if "://" not in pattern:
        found = [os.path.abspath(p) for p in glob.glob(pattern, recursive=True) if os.path.isfile(p)]
    else:
        system, path = opened(pattern)
        if not any(c in path for c in "*?["):
            found = [pattern] if system.get_file_info(path).is_file else []
        else:
            base = path[: min(path.find(c) for c in "*?[" if c in path)].rsplit("/", 1)[0]
            infos = system.get_file_info(arrow_fs.FileSelector(base, recursive=True))
            found = [
                scheme_of(pattern) + i.path for i in infos if i.is_file and fnmatch.fnmatch(i.path, path)
            ]
    if not found:
        raise FileNotFoundError(f"{pattern}: no such files")
    return sorted(found)


def read_range(path: str, start: int, length: int) -> bytes:
    system, at = opened(path)
    with system.open_input_file(at) as file:
        file.seek(start)
        data = file.read(length)
    if len(data) != length:
        raise OSError(f"{path}: {len(data)} bytes from byte {start} on, expected {length}: it changed meanwhile")
    return data


def write_whole(folder: str, name: str, data: bytes) -> None:
    """Never half a file under its name: written beside it and moved (an object store writes whole ones itself)."""
    system, at = opened(folder)
    target = posixpath.join(at, name)
    if not isinstance(system, arrow_fs.LocalFileSystem):
        with system.open_output_stream(target) as out:
            out.write(data)
        return
    system.create_dir(at, recursive=True)
    part = f"{target}.{uuid.uuid4().hex}.part"
    with open(part, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(part, target)
