//! Defines augmentation on the device.
