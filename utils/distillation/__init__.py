"""The course's own weights: students learn from EfficientNet-Lite0 on composed pictures."""
