/// `Recorded/strategies.json`, word for word.
package let recordedPolicy = #"""
    {
      "schema": 1,
      "revision": 7,
      "environment": "production",
      "rollouts": {
        "sms": {
          "strategy": {
            "type": "canary",
            "percent": 10,
            "stable": {"app": "v1", "model": "v1"},
            "canary": {"app": "v2", "model": "v2"}
          },
          "salt": "sms-2026-11",
          "hosts": {
            "stable.sms-app.local": "stable",
            "canary.sms-app.local": "canary"
          },
          "forced": {"qa-1": "canary"}
        },
        "recommender": {
          "strategy": {
            "type": "ab_test",
            "coverage": 80,
            "variants": [
              {"name": "control", "weight": 2, "release": {"model": "als-0.3"}},
              {"name": "treatment", "weight": 1, "release": {"model": "als-0.4"}},
              {"name": "bandit", "weight": 1, "release": {"model": "ucb-1.0"}}
            ]
          }
        },
        "ranker": {
          "strategy": {
            "type": "shadow",
            "percent": 25,
            "primary": {"model": "r1"},
            "shadow": {"model": "r2"}
          }
        },
        "ui": {
          "strategy": {"type": "fixed", "release": {"app": "v3"}}
        }
      }
    }

    """#
