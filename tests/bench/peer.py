"""Does in Python what `l48` does to audio and to pictures: `peer.py librosa|torchaudio|torchvision FILES.json OUT`, one thread.

Audio: decode, mean of the channels, 22,050 Hz, clips of 3 s (the last padded), 448 x 448 log-mel as u8. Pictures: decode,
three channels, 448 x 448, one channel kept, as the published program loads them. Into one raw file that is synced.
Says `ready` when everything is imported and warm, waits for a line, and says how many clips when the file is on the disk.
"""
import json, os, sys, time

for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):
    os.environ[f"{name}_NUM_THREADS"] = "1"
import numpy as np

RATE_HZ, CLIP, N_FFT, WINDOW, HOP, MELS, FRAMES, FMIN_HZ, FMAX_HZ, TOP_DB = 22_050, 66_150, 2048, 1024, 147, 448, 448, 50, 11_025, 80


def cut(samples):
    padded = np.zeros(-(-len(samples) // CLIP) * CLIP, np.float32)
    padded[: len(samples)] = samples
    return padded.reshape(-1, CLIP)


def librosa_images():
    import librosa

    # Once for all clips; `librosa.feature.melspectrogram` would compute the filters for each.
    filters = librosa.filters.mel(sr=RATE_HZ, n_fft=N_FFT, n_mels=MELS, fmin=FMIN_HZ, fmax=FMAX_HZ)

    def images(path):
        samples, _ = librosa.load(path, sr=RATE_HZ, mono=True)
        for clip in cut(samples):
            spectrum = librosa.stft(clip, n_fft=N_FFT, win_length=WINDOW, hop_length=HOP)[:, :FRAMES]
            power = filters @ (spectrum.real**2 + spectrum.imag**2)
            level = librosa.power_to_db(power, ref=np.max, top_db=TOP_DB)
            yield np.round((level + TOP_DB) * (255 / TOP_DB)).astype(np.uint8)

    return images


def torchaudio_images():
    import soundfile, soxr, torch, torchaudio

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    mel = torchaudio.transforms.MelSpectrogram(
        RATE_HZ, N_FFT, WINDOW, HOP, FMIN_HZ, FMAX_HZ, n_mels=MELS, pad_mode="constant", norm="slaney", mel_scale="slaney"
    )

    def images(path):
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        samples = soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ)
        with torch.inference_mode():
            # Four at a time: faster than one, and than all.
            for clips in torch.from_numpy(cut(samples)).split(4):
                level = mel(clips)[:, :, :FRAMES].clamp_min_(1e-10).log10_().mul_(10)
                level -= level.amax(dim=(1, 2), keepdim=True)
                yield from level.add_(TOP_DB).mul_(255 / TOP_DB).round_().clamp_(0, 255).to(torch.uint8).numpy()

    return images


def torchvision_images():
    import torch
    from PIL import Image
    from torchvision.transforms import Resize

    torch.set_num_threads(1)
    resize = Resize((448, 448))

    def images(path):
        with Image.open(path) as picture:
            yield np.ascontiguousarray(np.asarray(resize(picture.convert("RGB")))[:, :, 0])

    return images


def main():
    kind, listing, out = sys.argv[1:]
    files = json.load(open(listing))
    images = {"librosa": librosa_images, "torchaudio": torchaudio_images, "torchvision": torchvision_images}[kind]()
    for _ in images(files[-1]):
        pass
    print("ready", flush=True)
    sys.stdin.readline()
    begin, clips, rows = time.process_time(), 0, {}
    with open(out, "wb") as file:
        for path in files:
            rows[path] = clips
            for image in images(path):
                file.write(image.tobytes())
                clips += 1
        file.flush()
        os.fsync(file.fileno())
    print(json.dumps({"clips": clips, "cpu_s": time.process_time() - begin, "rows": rows}), flush=True)


main()
