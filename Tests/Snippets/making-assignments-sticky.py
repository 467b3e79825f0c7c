# A cookie of ours, and the key that signed it.
import base64
import json
import os
import subprocess

policy = {"schema": 1, "revision": 7, "rollouts": {"sms": {
    "strategy": {"type": "canary", "percent": 10, "stable": {"app": "v1"}, "canary": {"app": "v2"}},
    "sticky": {"cookie": "sms-app-version", "maxAge": 3600}}}}
keys = os.path.join(os.environ["ROOT"], "run/secrets/rollout.keys")
with open("policy.json", "w") as file:
    json.dump(policy, file)
route = ["RolloutDemo", "route", "--quiet", "--policy", "policy.json", "--keys", keys, "--now", "1800000000"]
request = {"unit": "alice", "host": "sms-app.local"}
answer = subprocess.run(route, input=json.dumps(request), check=True, text=True, capture_output=True).stdout
cookie = json.loads(answer)["setCookie"].split(";")[0].split("=")[1]
key = base64.b64decode(open(keys).read().split()[-1])
