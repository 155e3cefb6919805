//! Cutting messages to a client into frames.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::{
    Frame,
    coding::{Data, OpCode},
};

/// Cuts a message into frames of at most `limit` bytes. Bytes that are not UTF-8 are sent as binary, because a text
/// frame must be UTF-8 (RFC 6455 §5.6).
pub(crate) fn frames(mut message: Bytes, limit: usize) -> Vec<Frame> {
    let kind = if std::str::from_utf8(&message).is_ok() {
        Data::Text
    } else {
        Data::Binary
    };
    let mut frames = Vec::with_capacity(1 + message.len() / limit);
    loop {
        let opcode = OpCode::Data(if frames.is_empty() { kind } else { Data::Continue });
        let payload = message.split_to(message.len().min(limit));
        let is_last = message.is_empty();
        frames.push(Frame::message(payload, opcode, is_last));
        if is_last {
            return frames;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_into_frames_of_at_most_the_limit() {
        for (length, expected) in [
            (0, vec![0]),
            (3, vec![3]),
            (4, vec![4]),
            (5, vec![4, 1]),
            (12, vec![4, 4, 4]),
        ] {
            let frames = frames(Bytes::from("x".repeat(length)), 4);
            let lengths: Vec<usize> = frames.iter().map(|frame| frame.payload().len()).collect();
            assert_eq!(lengths, expected, "{length}");
            let finals: Vec<bool> = frames.iter().map(|frame| frame.header().is_final).collect();
            assert!(
                finals
                    .split_last()
                    .is_some_and(|(last, others)| *last && !others.contains(&true)),
                "{length}"
            );
        }
    }

    #[test]
    fn text_is_sent_as_text_and_other_bytes_as_binary() {
        let kind = |message: &'static [u8]| frames(Bytes::from_static(message), 100)[0].header().opcode;
        assert_eq!(kind("hé".as_bytes()), OpCode::Data(Data::Text));
        assert_eq!(kind(&[0xff]), OpCode::Data(Data::Binary));
    }
}
