"""Training: arrays from fields, augmentation, the loop, calibration."""
