//! Files that declare more than they hold: refused before anything is made room for.

use crate::decode::decode;

/// Refuses `bytes` and returns the reason.
fn reason(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, bytes).unwrap();
    decode(&path).unwrap_err().to_string()
}

#[test]
fn a_packet_of_four_billion_frames_is_refused() {
    let mut caf = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
    caf.extend(24_000f64.to_be_bytes());
    caf.extend(b"ima4");
    // Flags; then bytes and frames a packet, channels, bits. The decoder would ask for 16 GiB.
    for field in [0u32, 34, u32::MAX, 1, 0] {
        caf.extend(field.to_be_bytes());
    }
    caf.extend(b"data\0\0\0\0\0\0\0\x26");
    caf.extend([0; 38]);
    assert_eq!(reason(&caf), "CAF header is invalid: it has 4294967295 frames a packet");
}
