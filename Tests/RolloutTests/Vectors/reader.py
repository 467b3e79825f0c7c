"""Draws the buckets of decisions.json again, with nothing but the hash contract; exits 1 if one differs."""
import json, sys, xxhash

def bucket(salt, unit):
    salted = xxhash.xxh3_64_intdigest(unit.encode()) ^ xxhash.xxh3_64_intdigest(b"rollout\0" + salt.encode())
    product = salted * 0x9E3779B97F4A7C15
    return ((product >> 64) ^ (product & (2**64 - 1))) * 1_000_000 >> 64

vectors = json.load(open(sys.argv[1], encoding="utf-8"))["buckets"]
wrong = [row for row in vectors if bucket(row[0], str(row[1])) != row[2]]
print(f"{len(vectors) - len(wrong)} of {len(vectors)} buckets agree")
sys.exit(bool(wrong) or not vectors)
