//! Where one WebSocket frame ends and the next begins, in what we send to a client.

/// Follows the bytes of an HTTP/1.1 `101` answer and the server's frames behind it (RFC 6455
/// section 5.2), so that a close frame of ours is never written into the middle of another frame.
#[derive(Debug, Default)]
pub struct FrameTracker {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Inside the answer's head; how much of its final CR LF CR LF has been seen.
    Answer(u8),
    /// Inside a frame header: what has been seen of it.
    Header { seen: u8, length: u64, wanted: u8 },
    /// Inside a payload.
    Payload { left: u64 },
}

impl Default for State {
    fn default() -> Self {
        Self::Answer(0)
    }
}

const BETWEEN: State = State::Header { seen: 0, length: 0, wanted: 2 };

impl FrameTracker {
    /// Follows frames from the first one on, behind the answer's head.
    pub const fn behind_answer() -> Self {
        Self { state: BETWEEN }
    }

    /// Whether the bytes seen so far end exactly at the end of a frame (or of the answer's head).
    pub const fn at_boundary(&self) -> bool {
        matches!(self.state, State::Header { seen: 0, .. })
    }

    /// Takes bytes that are being sent.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.step(rest);
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    /// How many of `bytes` belong to the frame that is being sent: up to the next boundary.
    pub fn until_boundary(&self, bytes: &[u8]) -> usize {
        let mut probe = Self { state: self.state.copy() };
        let mut used = 0;
        while used < bytes.len() && !probe.at_boundary() {
            used += probe.step(bytes.get(used..).unwrap_or_default());
        }
        used
    }

    /// Takes at least one byte, at most up to the next boundary.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let Some(&byte) = bytes.first() else { return 0 };
        match &mut self.state {
            State::Answer(seen) => {
                *seen = match (*seen, byte) {
                    (0 | 2, b'\r') | (1 | 3, b'\n') => *seen + 1,
                    (_, b'\r') => 1,
                    _ => 0,
                };
                if *seen == 4 {
                    self.state = BETWEEN;
                }
                1
            }
            State::Header { seen, length, wanted } => {
                *seen += 1;
                match *seen {
                    1 => {}
                    2 => {
                        // A server does not mask; if this one does, the key counts as header.
                        let mask = if byte & 0x80 == 0 { 0 } else { 4 };
                        let (extended, short) = match byte & 0x7f {
                            126 => (2, 0),
                            127 => (8, 0),
                            short => (0, short),
                        };
                        *length = u64::from(short);
                        *wanted = 2 + extended + mask;
                    }
                    n => {
                        let extended = if *wanted >= 10 { 8 } else { (*wanted - 2) & 2 };
                        if n <= 2 + extended {
                            *length = (*length << 8) | u64::from(byte);
                        }
                    }
                }
                if *seen == *wanted {
                    let left = *length;
                    self.state = if left == 0 { BETWEEN } else { State::Payload { left } };
                }
                1
            }
            State::Payload { left } => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= take as u64;
                if *left == 0 {
                    self.state = BETWEEN;
                }
                take
            }
        }
    }
}

impl State {
    const fn copy(&self) -> Self {
        match *self {
            Self::Answer(seen) => Self::Answer(seen),
            Self::Header { seen, length, wanted } => Self::Header { seen, length, wanted },
            Self::Payload { left } => Self::Payload { left },
        }
    }
}

/// A close frame with a code and a short reason (RFC 6455 section 5.5.1).
pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    let reason = reason.as_bytes();
    let length = u8::try_from(2 + reason.len()).unwrap_or(2).min(125);
    let mut frame = vec![0x88, length];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(reason.get(..usize::from(length) - 2).unwrap_or_default());
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(payload: usize) -> Vec<u8> {
        let mut bytes = vec![0x82];
        match payload {
            0..=125 => bytes.push(u8::try_from(payload).unwrap()),
            126..=0xffff => {
                bytes.push(126);
                bytes.extend_from_slice(&u16::try_from(payload).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(127);
                bytes.extend_from_slice(&(payload as u64).to_be_bytes());
            }
        }
        bytes.resize(bytes.len() + payload, 0x88);
        bytes
    }

    #[test]
    fn the_head_of_the_answer_is_not_a_frame() {
        let mut tracker = FrameTracker::default();
        tracker.feed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r");
        assert!(!tracker.at_boundary());
        tracker.feed(b"\n");
        assert!(tracker.at_boundary());
    }

    #[test]
    fn a_close_frame_is_well_formed() {
        assert_eq!(close_frame(1008, "bye"), [0x88, 5, 3, 240, b'b', b'y', b'e']);
    }

    proptest! {
        #[test]
        fn boundaries_are_found_however_the_bytes_are_cut(
            payloads in prop::collection::vec(prop_oneof![0usize..300, 65_500usize..65_600], 1..6),
            cut in 1usize..5_000,
        ) {
            let mut tracker = FrameTracker::default();
            tracker.feed(b"HTTP/1.1 101 x\r\n\r\n");
            for payload in payloads {
                let bytes = frame(payload);
                let mut fed = 0;
                for chunk in bytes.chunks(cut) {
                    if fed > 0 {
                        prop_assert!(!tracker.at_boundary());
                        prop_assert_eq!(tracker.until_boundary(&bytes[fed..]), bytes.len() - fed);
                    }
                    tracker.feed(chunk);
                    fed += chunk.len();
                }
                prop_assert!(tracker.at_boundary());
            }
        }
    }
}
