//! Provides the samples of a WAV file as packets, for Symphonia's decoders.

use std::ops::Range;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64LE,
    CODEC_ID_PCM_MULAW, CODEC_ID_PCM_S16LE, CODEC_ID_PCM_S24LE, CODEC_ID_PCM_S32LE, CODEC_ID_PCM_U8,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};
use symphonia::core::errors::{Error, Result, SeekErrorKind, decode_error, seek_error};
use symphonia::core::formats::well_known::FORMAT_ID_WAVE;
use symphonia::core::formats::{FormatInfo, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, MetadataLog};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};

use super::disguised;
use super::format::Codec;
use super::layout::Layout;
use super::metadata::{Entry, RecorderMetadata};
use super::narrow::Narrow;
use crate::audio::note::Note;
use crate::audio::ranged::{RangedRead, RangedStream, fill_at};
use crate::audio::reject::Reject;

/// Bytes of a packet, or of one block where that is longer.
const PACKET_BYTES: u64 = 1 << 15;

const INFO: FormatInfo = FormatInfo {
    format: FORMAT_ID_WAVE,
    short_name: "wave",
    long_name: "Waveform Audio File Format",
};

/// The samples of a WAV file, of constant memory however long it is.
pub(in crate::audio) struct WavReader {
    source: Box<dyn RangedRead>,
    layout: Layout,
    narrow: Option<Narrow>,
    /// Where the samples are in the source.
    data: Range<u64>,
    /// The first block that was not read.
    next_block: u64,
    notes: Vec<Note>,
    entries: Vec<Entry>,
    tracks: [Track; 1],
    media_info: MediaInfo,
    metadata: MetadataLog,
}

impl WavReader {
    /// A reader of what [`open`](super::open) found; `data` is whole blocks, but for a short last one of ADPCM.
    pub(super) fn new(
        source: Box<dyn RangedRead>,
        layout: Layout,
        narrow: Option<Narrow>,
        data: Range<u64>,
        notes: Vec<Note>,
        entries: Vec<Entry>,
    ) -> Self {
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(codec_id(&layout))
            .with_sample_rate(layout.rate_hz)
            .with_channels(Channels::Discrete(layout.channels))
            .with_max_frames_per_packet(packet_blocks(&layout) * layout.block_frames)
            .with_frames_per_block(layout.block_frames);
        let blocks = (data.end - data.start).div_ceil(layout.block_bytes);
        let frames = blocks * layout.block_frames;
        let mut track = Track::new(0);
        track
            .with_codec_params(CodecParameters::Audio(params))
            .with_num_frames(frames);
        track.with_duration(Duration::from(frames));
        if let Some(time_base) = TimeBase::try_from_recip(layout.rate_hz) {
            track.with_time_base(time_base);
        }
        Self {
            source,
            layout,
            narrow,
            data,
            next_block: 0,
            notes,
            entries,
            media_info: MediaInfo::from_track(&track),
            tracks: [track],
            metadata: MetadataLog::default(),
        }
    }

    /// Frames that the decoder gives: those of whole blocks.
    pub(in crate::audio) fn decoded_frames(&self) -> u64 {
        self.blocks() * self.layout.block_frames
    }

    /// Frames of the recording: without those that a short last block lacks.
    pub(in crate::audio) fn frames(&self) -> u64 {
        let bytes = self.data.end - self.data.start;
        match bytes % self.layout.block_bytes {
            0 => self.decoded_frames(),
            short => {
                bytes / self.layout.block_bytes * self.layout.block_frames + self.layout.frames_of_short_block(short)
            }
        }
    }

    /// What was wrong with the file, and was accepted.
    pub(in crate::audio) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Reads what its recorder wrote of it.
    ///
    /// # Errors
    ///
    /// Any of the source.
    pub(in crate::audio) fn recorder_metadata(&mut self) -> std::io::Result<Vec<RecorderMetadata>> {
        self.entries
            .iter()
            .map(|entry| entry.read(self.source.as_mut()))
            .collect()
    }

    /// Refuses samples that are not those of the recording. `is_named_triggered` says that its name is one of a
    /// recorder that may have left out silence.
    ///
    /// # Errors
    ///
    /// [`Reject::SilenceLeftOut`], [`Reject::Unsupported`], and any of the source.
    pub(in crate::audio) fn refuse_disguised(&mut self, is_named_triggered: bool) -> std::result::Result<(), Reject> {
        if !is_named_triggered && self.entries.is_empty() {
            return Ok(());
        }
        let metadata = self.recorder_metadata()?;
        if let Some(compression) = metadata.iter().find_map(disguised::own_compression) {
            let what =
                format!("{compression} (a compression of Wildlife Acoustics; convert it with Kaleidoscope first)");
            return Err(Reject::Unsupported { what });
        }
        let is_16_bit_mono = (self.layout.codec, self.layout.block_bytes) == (Codec::Pcm, 2);
        if is_16_bit_mono && (is_named_triggered || metadata.iter().any(disguised::says_triggered)) {
            let marker = disguised::left_out_silence(self.source.as_mut(), self.data.clone())?;
            return marker.map_or(Ok(()), |offset| Err(Reject::SilenceLeftOut { offset }));
        }
        Ok(())
    }

    /// Whether every byte of its samples is zero.
    ///
    /// # Errors
    ///
    /// Any of the source.
    pub(in crate::audio) fn is_all_zeros(&mut self) -> std::io::Result<bool> {
        disguised::are_all_zeros(self.source.as_mut(), self.data.clone())
    }

    fn blocks(&self) -> u64 {
        (self.data.end - self.data.start).div_ceil(self.layout.block_bytes)
    }

    /// The bytes of `blocks` blocks from `next_block` on, the last of a file filled up with zeros.
    fn read_blocks(&mut self, blocks: u64) -> Result<Vec<u8>> {
        let start = self.data.start + self.next_block * self.layout.block_bytes;
        let wanted = (blocks * self.layout.block_bytes) as usize;
        let present = (self.data.end - start).min(wanted as u64) as usize;
        let mut bytes = vec![0; wanted];
        fill_at(
            self.source.as_mut(),
            start,
            bytes.get_mut(..present).unwrap_or_default(),
        )?;
        Ok(bytes)
    }
}

/// The codec that decodes samples as the reader hands them on.
fn codec_id(layout: &Layout) -> AudioCodecId {
    match (layout.codec, layout.sample_bytes) {
        (Codec::MsAdpcm, _) => CODEC_ID_ADPCM_MS,
        (Codec::ImaAdpcm, _) => CODEC_ID_ADPCM_IMA_WAV,
        (Codec::ALaw, _) => CODEC_ID_PCM_ALAW,
        (Codec::MuLaw, _) => CODEC_ID_PCM_MULAW,
        (Codec::Float, 4) => CODEC_ID_PCM_F32LE,
        (Codec::Float, _) => CODEC_ID_PCM_F64LE,
        (Codec::Pcm, 1) => CODEC_ID_PCM_U8,
        (Codec::Pcm, 2) => CODEC_ID_PCM_S16LE,
        (Codec::Pcm, 3) => CODEC_ID_PCM_S24LE,
        (Codec::Pcm, _) => CODEC_ID_PCM_S32LE,
    }
}

fn packet_blocks(layout: &Layout) -> u64 {
    (PACKET_BYTES / layout.block_bytes).max(1)
}

impl FormatReader for WavReader {
    fn format_info(&self) -> &FormatInfo {
        &INFO
    }

    fn media_info(&self) -> &MediaInfo {
        &self.media_info
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let blocks = packet_blocks(&self.layout).min(self.blocks().saturating_sub(self.next_block));
        if blocks == 0 {
            return Ok(None);
        }
        let mut bytes = self.read_blocks(blocks)?;
        if let Some(narrow) = self.narrow
            && narrow.widen(&mut bytes).is_none()
        {
            return decode_error("a sample has more bits than the header declares");
        }
        let Ok(frame) = i64::try_from(self.next_block * self.layout.block_frames) else {
            return decode_error("more frames than can be counted");
        };
        self.next_block += blocks;
        let frames = Duration::from(blocks * self.layout.block_frames);
        Ok(Some(Packet::new(0, Timestamp::new(frame), frames, bytes)))
    }

    fn seek(&mut self, _mode: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        let required_ts = match (to, self.tracks[0].time_base) {
            (SeekTo::Timestamp { ts, .. }, _) => ts,
            (SeekTo::Time { time, .. }, Some(base)) => base
                .calc_timestamp(time)
                .ok_or(Error::SeekError(SeekErrorKind::OutOfRange))?,
            (SeekTo::Time { .. }, None) => return seek_error(SeekErrorKind::Unseekable),
        };
        let block = match u64::try_from(required_ts.get()) {
            Ok(frame) if frame <= self.decoded_frames() => frame / self.layout.block_frames,
            _ => return seek_error(SeekErrorKind::OutOfRange),
        };
        self.next_block = block;
        let actual_ts = Timestamp::new((block * self.layout.block_frames).cast_signed());
        Ok(SeekedTo {
            track_id: 0,
            required_ts,
            actual_ts,
        })
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        MediaSourceStream::new(Box::new(RangedStream::new(self.source)), Default::default())
    }
}
