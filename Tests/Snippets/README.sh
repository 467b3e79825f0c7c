# The key file.
RolloutDemo keys new > "$ROOT/run/secrets/rollout.keys"
chmod 600 "$ROOT/run/secrets/rollout.keys"
