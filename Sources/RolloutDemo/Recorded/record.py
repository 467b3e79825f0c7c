#!/usr/bin/env python3
"""Sends 2,000 requests of made-up visitors to a real nginx on loopback and keeps its access log.

Needs nginx (Debian: apt-get install nginx-light). Run it in this folder; it rewrites access.jsonl.
"""

import http.client
import os
import random
import shutil
import subprocess
import tempfile
import time
import uuid

random.seed(2026)
folder = os.path.dirname(os.path.abspath(__file__))


def visitor():
    kind = random.random()
    if kind < 0.55:
        return str(uuid.UUID(int=random.getrandbits(128), version=4))
    if kind < 0.80:
        return f"user-{random.randrange(1, 5000)}"
    if kind < 0.95:
        return str(random.randrange(1, 10**random.randrange(3, 19)))
    return random.choice(["jürgen", "zoë", "名前", "Ωmega", "emile\u0301", "émile", "🦊"]) + f"-{random.randrange(100)}"


visitors = [visitor() for _ in range(1500)]
hosts = ["www.sms-app.local"] * 17 + ["stable.sms-app.local"] * 2 + ["Canary.SMS-app.local"]


def cookie():
    kind = random.random()
    if kind < 0.05:
        return None
    if kind < 0.06:
        return "qa-1"
    return random.choice(visitors)


with tempfile.TemporaryDirectory() as run:
    nginx = subprocess.Popen(["nginx", "-p", run, "-c", os.path.join(folder, "nginx.conf")])
    try:
        time.sleep(0.5)
        connection = http.client.HTTPConnection("127.0.0.1", 8091)
        for _ in range(2000):
            headers = {"Host": random.choice(hosts)}
            unit = cookie()
            if unit is not None:
                headers["Cookie"] = f"theme=dark; uid={unit}; lang=en".encode()
            connection.request("GET", "/sms", headers=headers)
            connection.getresponse().read()
        connection.close()
    finally:
        nginx.terminate()
        nginx.wait()
    shutil.copy(os.path.join(run, "access.jsonl"), folder)
