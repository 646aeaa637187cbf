"""The simulated district: streets with ground truth, seen through real pixels. For tests and demos, never for duty."""
