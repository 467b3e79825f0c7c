# The document in version control, the file as it is mounted, and a volume for the saved copy.
cp Sources/RolloutDemo/Recorded/policy.json policy.json
mkdir -p "$ROOT/etc/rollout" "$ROOT/var/lib/sms"
cp policy.json "$ROOT/etc/rollout/policy.json"
