//! Defines a batch on the device.
