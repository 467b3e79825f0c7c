# A policy in the working directory, and a log that nginx wrote.
cp Sources/RolloutDemo/Recorded/policy.json .
cp Sources/RolloutDemo/Recorded/access.jsonl "$ROOT/var/log/nginx/rollout.jsonl"
