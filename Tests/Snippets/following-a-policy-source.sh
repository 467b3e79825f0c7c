# The file that the service follows.
cp Sources/RolloutDemo/Recorded/policy.json "$ROOT/etc/rollout/policy.json"
