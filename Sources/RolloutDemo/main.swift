print("RolloutDemo")
