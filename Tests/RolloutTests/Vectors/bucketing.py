"""Reads the description of a stated bucketing, and says which bucket a unit has: an implementation of its own.

Input: JSON Lines of {"bucketing": …, "unit": …}. Output: the bucket a line, or null for a unit that has none.
"""
import hashlib
import json
import re
import struct
import sys
import zlib

M32 = 0xFFFFFFFF


def rotated(word, distance):
    return (word << distance | word >> (32 - distance)) & M32


def murmur3(data, seed):
    h = seed
    whole = len(data) // 4 * 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        h ^= rotated(k * 0xCC9E2D51 & M32, 15) * 0x1B873593 & M32
        h = (rotated(h, 13) * 5 + 0xE6546B64) & M32
    if data[whole:]:
        k = int.from_bytes(data[whole:], "little")
        h ^= rotated(k * 0xCC9E2D51 & M32, 15) * 0x1B873593 & M32
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & M32
    h = (h ^ h >> 13) * 0xC2B2AE35 & M32
    return h ^ h >> 16


def murmur2(data, seed):
    m = 0x5BD1E995
    h = seed ^ len(data)
    whole = len(data) // 4 * 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = k * m & M32
        h = h * m & M32 ^ (k ^ k >> 24) * m & M32
    if data[whole:]:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & M32
    h = (h ^ h >> 13) * m & M32
    return h ^ h >> 15


def fnv1a(units):
    h = 0x811C9DC5
    for unit in units:
        h = (h ^ unit) * 0x01000193 & M32
    return h


def java31(units):
    h = 0
    for unit in units:
        h = (31 * h + unit) & M32
    return h


def cbor(text):
    data = text.encode()
    n = len(data)
    if n < 24:
        head = bytes([0x60 | n])
    elif n < 1 << 8:
        head = struct.pack(">BB", 0x78, n)
    elif n < 1 << 16:
        head = struct.pack(">BH", 0x79, n)
    else:
        head = struct.pack(">BI", 0x7A, n)
    return head + data


def bucket(b, unit):
    if b["hash"] == "integer":
        if not re.fullmatch("0|-?[1-9][0-9]*", unit) or not -(2**63) <= int(unit) < 2**64:
            return None
        return int(unit) % b["buckets"] * 1_000_000 // b["buckets"]
    prefix, suffix = b.get("text", "{unit}").split("{unit}")
    text = prefix + unit + suffix
    encoding = b.get("encoding", "utf-8")
    if encoding == "utf-16":
        units = [u for (u,) in struct.iter_unpack("<H", text.encode("utf-16-le"))]
    elif encoding == "utf-32":
        units = [ord(c) for c in text]
    elif encoding == "cbor":
        units = cbor(text)
    elif encoding == "cbor-pair":
        units = b"\x82" + cbor(prefix) + cbor(unit)
    else:
        units = text.encode()
    hash, seed, width = b["hash"], b.get("seed", 0), 32
    if hash in ("md5", "sha-1", "sha-256"):
        width = b.get("bits", 64)
        digest = hashlib.new(hash.replace("-", ""), units).digest()
        number = int.from_bytes(digest, "big") >> (8 * len(digest) - width)
    else:
        number = {
            "murmur3-32": lambda: murmur3(units, seed),
            "murmur2-32": lambda: murmur2(units, seed),
            "crc-32": lambda: zlib.crc32(units),
            "fnv1a-32": lambda: fnv1a(units),
            "fnv1a-32-twice": lambda: fnv1a(str(fnv1a(units)).encode()),
            "java-31": lambda: java31(units) ^ seed,
        }[hash]()
    if b.get("signed"):
        width = 31
        number = abs(number - 2**32) if number >= 2**31 else number
    n = b.get("buckets")
    if n is None:
        found = number * 1_000_000 >> width
    else:
        k = number % n if b.get("reduce", "remainder") == "remainder" else number * n >> width
        found = k * 1_000_000 // n
    return found if found < 1_000_000 else None


if __name__ == "__main__":
    for line in sys.stdin:
        row = json.loads(line)
        print(json.dumps(bucket(row["bucketing"], row["unit"])))
