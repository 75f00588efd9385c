"""Provides what tiny recordings have in common: WAV headers, and a manifest for clips of 16 x 16 of 0.1 s."""
import struct

RATE_HZ, CLIP_S = 4_000, 0.1


def wav_header(frames):
    """That of a mono file of 16 bits."""
    header = b"RIFF" + struct.pack("<I", 36 + 2 * frames) + b"WAVEfmt "
    return header + struct.pack("<IHHIIHH", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16) + b"data" + struct.pack("<I", 2 * frames)


def manifest(name, tables=("recordings", "taxa"), shard_clips=None):
    files = "".join(f'{table} = "{table}.csv"\n' for table in tables)
    shards = f"[shards]\nclips = {shard_clips}\n" if shard_clips else ""
    return f"""[dataset]
name = "{name}"
[tables]
{files}[audio]
sample_rate_hz = {RATE_HZ}
[clips]
duration_s = {CLIP_S}
hop_s = {CLIP_S}
[spectrogram]
n_fft = 128
win_length = 128
hop_length = 25
n_mels = 16
frames = 16
fmin_hz = 50.0
fmax_hz = 2000.0
{shards}"""
