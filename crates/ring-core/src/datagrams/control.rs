//! The control messages of UDP's segmentation and coalescing, laid out as cmsg(3) says.

use std::mem;

/// Room for control messages. The kernel puts first what was asked for by other options of the socket
/// (times, the queue's overflow, the interface, the type of service): there is room for those too.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control([u8; 256]);

/// The option, and the control message, of payloads that are cut on their way out (Linux 4.18).
const UDP_SEGMENT: libc::c_int = 103;
/// The option, and the control message, of payloads that were joined on their way in (Linux 5.0).
pub(super) const UDP_GRO: libc::c_int = 104;

/// Where a message's value begins: behind its length, level and kind.
const VALUE: usize = mem::size_of::<usize>() + 2 * mem::size_of::<libc::c_int>();

impl Control {
    pub(super) const EMPTY: Control = Control([0; 256]);

    /// How much the kernel may write.
    pub(super) const fn room(&self) -> usize {
        self.0.len()
    }

    /// Writes the message that has a payload cut into datagrams of `segment_bytes` bytes; returns its
    /// length. 0: the payload is one datagram, and there is no message.
    pub(super) fn set_segment_bytes(&mut self, segment_bytes: u16) -> usize {
        if segment_bytes == 0 {
            return 0;
        }
        let value = segment_bytes.to_ne_bytes();
        let bytes = VALUE + value.len();
        self.put(0, &bytes.to_ne_bytes());
        self.put(mem::size_of::<usize>(), &libc::SOL_UDP.to_ne_bytes());
        self.put(
            VALUE - mem::size_of::<libc::c_int>(),
            &UDP_SEGMENT.to_ne_bytes(),
        );
        self.put(VALUE, &value);
        bytes.next_multiple_of(mem::size_of::<usize>())
    }

    /// How large the datagrams were that the kernel joined, by the messages in the first `bytes` bytes;
    /// 0: it joined none.
    pub(super) fn gro_segment_bytes(&self, bytes: usize) -> u16 {
        let mut rest = self.0.get(..bytes).unwrap_or(&self.0);
        while let Some(&length) = rest.first_chunk() {
            let length = usize::from_ne_bytes(length);
            let Some(message) = rest.get(..length).filter(|message| message.len() >= VALUE) else {
                return 0;
            };
            if let Some(segment_bytes) = gro(message) {
                return segment_bytes;
            }
            let next = length.next_multiple_of(mem::size_of::<usize>());
            rest = rest.get(next..).unwrap_or_default();
        }
        0
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// The value of `message`, if it is the one of joined payloads.
fn gro(message: &[u8]) -> Option<u16> {
    let int = |at: usize| {
        message
            .get(at..)?
            .first_chunk()
            .copied()
            .map(libc::c_int::from_ne_bytes)
    };
    let level = int(mem::size_of::<usize>())?;
    let kind = int(VALUE - mem::size_of::<libc::c_int>())?;
    if (level, kind) != (libc::SOL_UDP, UDP_GRO) {
        return None;
    }
    u16::try_from(int(VALUE)?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Control, UDP_GRO, UDP_SEGMENT, VALUE};

    fn message(level: libc::c_int, kind: libc::c_int, value: &[u8]) -> Vec<u8> {
        let mut bytes = (VALUE + value.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(size_of::<usize>()), 0);
        bytes
    }

    fn received(messages: &[u8]) -> u16 {
        let mut control = Control([0xff; 256]);
        control.put(0, messages);
        control.gro_segment_bytes(messages.len())
    }

    #[test]
    fn a_header_is_as_long_as_the_c_librarys() {
        assert_eq!(VALUE, size_of::<libc::cmsghdr>());
    }

    #[test]
    fn what_is_sent_is_one_message() {
        let mut control = Control::EMPTY;
        assert_eq!(control.set_segment_bytes(0), 0);
        let bytes = control.set_segment_bytes(1_200);
        let expected = message(libc::SOL_UDP, UDP_SEGMENT, &1_200_u16.to_ne_bytes());
        assert_eq!(control.0[..bytes], expected);
    }

    #[test]
    fn the_size_is_found_behind_other_messages() {
        let gro = message(libc::SOL_UDP, UDP_GRO, &1_200_i32.to_ne_bytes());
        let time = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMP, &[1; 16]);
        let drops = message(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &[2; 4]);
        assert_eq!(received(&gro), 1_200);
        assert_eq!(
            received(&[time.clone(), drops.clone(), gro].concat()),
            1_200
        );
        assert_eq!(received(&[time, drops].concat()), 0);
        assert_eq!(received(&[]), 0);
    }

    #[test]
    fn nonsense_is_no_size() {
        let negative = message(libc::SOL_UDP, UDP_GRO, &(-1_i32).to_ne_bytes());
        let short = message(libc::SOL_UDP, UDP_GRO, &[]);
        assert_eq!(received(&negative), 0);
        assert_eq!(received(&short), 0);
        assert_eq!(received(&0_usize.to_ne_bytes()), 0);
        assert_eq!(received(&usize::MAX.to_ne_bytes()), 0);
    }
}
