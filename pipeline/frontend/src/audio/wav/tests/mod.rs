//! Files made here, whose frames and samples are known, and what the reader makes of them.

mod accepted;
mod build;
mod differential;
mod formats;
mod generate;
mod hostile;
mod long;
mod refused;

use std::io::Cursor;

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::FormatReader;

use super::{Note, OpenLength, WavReader, open};
use crate::audio::ranged::{RangedRead, Seekable};
use crate::audio::reject::Reject;

/// What was read of a file.
#[derive(Debug, Clone, PartialEq)]
struct Sound {
    rate_hz: u32,
    /// One vector a channel.
    channels: Vec<Vec<f32>>,
    notes: Vec<Note>,
}

impl Sound {
    fn kinds(&self) -> Vec<&'static str> {
        self.notes.iter().map(Note::kind).collect()
    }
}

fn opened(source: impl RangedRead + 'static, open_length: OpenLength) -> Result<WavReader, Reject> {
    open(Box::new(source), 0, open_length)
}

/// Opens and decodes, as the frontend does: errors of either, and a count that is not the one promised.
fn read(source: impl RangedRead + 'static, open_length: OpenLength) -> Result<Sound, Reject> {
    let mut reader = opened(source, open_length)?;
    let params = reader.tracks()[0]
        .codec_params
        .as_ref()
        .unwrap()
        .audio()
        .unwrap()
        .clone();
    let failed = |frame: usize, error: symphonia::core::errors::Error| Reject::Decode {
        frame: frame as u64,
        reason: error.to_string(),
    };
    let options = AudioDecoderOptions::default();
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&params, &options)
        .map_err(|error| failed(0, error))?;
    let mut channels = vec![Vec::new(); params.channels.as_ref().unwrap().count()];
    let mut planes = Vec::new();
    loop {
        let frame = channels[0].len();
        let Some(packet) = reader.next_packet().map_err(|error| failed(frame, error))? else {
            break;
        };
        assert_eq!(packet.pts.get(), frame as i64);
        let buffer = decoder.decode(&packet).map_err(|error| failed(frame, error))?;
        assert_eq!(buffer.frames() as u64, packet.block_dur().get());
        buffer.copy_to_vecs_planar(&mut planes);
        channels
            .iter_mut()
            .zip(&planes)
            .for_each(|(all, plane): (&mut Vec<f32>, _)| all.extend_from_slice(plane));
    }
    assert_eq!(channels[0].len() as u64, reader.decoded_frames());
    channels
        .iter_mut()
        .for_each(|channel| channel.truncate(reader.frames() as usize));
    let rate_hz = params.sample_rate.unwrap();
    Ok(Sound {
        rate_hz,
        channels,
        notes: reader.notes().to_vec(),
    })
}

fn read_bytes(bytes: &[u8], open_length: OpenLength) -> Result<Sound, Reject> {
    read(Seekable::new(Cursor::new(bytes.to_vec())).unwrap(), open_length)
}
