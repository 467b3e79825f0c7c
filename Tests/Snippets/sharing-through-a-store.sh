# The directory of the store.
mkdir -p "$ROOT/var/lib/rollout"
