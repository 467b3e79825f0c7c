# The policy that runs, and the next one.
cp Sources/RolloutDemo/Recorded/policy.json running.json
RolloutDemo edit --quiet running.json share sms 25 > policy.json
