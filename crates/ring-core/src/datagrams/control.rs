//! The control messages of UDP's segmentation and coalescing.

use std::mem;

/// One control message, or room for one: a `cmsghdr` and an `int`, as cmsg(3) lays them out.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Control {
    /// Of the header and the value. 0: no message.
    bytes: usize,
    level: libc::c_int,
    kind: libc::c_int,
    value: libc::c_int,
    _padding: libc::c_int,
}

/// The control message that has UDP payloads cut on their way out (Linux 4.18).
const UDP_SEGMENT: libc::c_int = 103;
/// The option, and the control message, of payloads that were joined on their way in (Linux 5.0).
pub(super) const UDP_GRO: libc::c_int = 104;

impl Control {
    pub(super) const NONE: Control = Control {
        bytes: 0,
        level: 0,
        kind: 0,
        value: 0,
        _padding: 0,
    };
    /// For the kernel to write to.
    pub(super) const ROOM: Control = Control {
        bytes: mem::size_of::<Control>(),
        ..Control::NONE
    };

    /// Has a payload cut into datagrams of `bytes` bytes; 0: not cut.
    pub(super) fn segments(bytes: u16) -> Control {
        if bytes == 0 {
            return Control::NONE;
        }
        Control {
            bytes: mem::offset_of!(Control, value) + mem::size_of::<u16>(),
            level: libc::SOL_UDP,
            kind: UDP_SEGMENT,
            // The kernel reads the first two bytes.
            value: libc::c_int::from_ne_bytes(two_first(bytes)),
            _padding: 0,
        }
    }

    /// How much of it the kernel may read or write.
    pub(super) fn room(&self) -> usize {
        if self.bytes == 0 {
            0
        } else {
            mem::size_of::<Control>()
        }
    }

    /// How large the datagrams were that the kernel joined; 0: it joined none.
    pub(super) fn gro_segment_bytes(&self) -> u16 {
        let is_gro = self.level == libc::SOL_UDP && self.kind == UDP_GRO;
        if is_gro {
            u16::try_from(self.value).unwrap_or(0)
        } else {
            0
        }
    }
}

fn two_first(value: u16) -> [u8; mem::size_of::<libc::c_int>()] {
    let [a, b] = value.to_ne_bytes();
    [a, b, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::{Control, UDP_GRO};

    #[test]
    fn a_message_is_laid_out_as_the_c_library_does() {
        let message = Control::segments(1_200);
        // CMSG_LEN(sizeof(uint16_t)) and CMSG_SPACE(sizeof(int)) of cmsg(3).
        let header = std::mem::size_of::<libc::cmsghdr>();
        assert_eq!(message.bytes, header + 2);
        assert_eq!(message.room(), header.next_multiple_of(8) + 8);
        assert_eq!(message.value.to_ne_bytes()[..2], 1_200_u16.to_ne_bytes());
    }

    #[test]
    fn only_a_message_of_gro_tells_a_size() {
        let mut message = Control::ROOM;
        assert_eq!(message.gro_segment_bytes(), 0);
        message.level = libc::SOL_UDP;
        message.kind = UDP_GRO;
        message.value = 1_200;
        assert_eq!(message.gro_segment_bytes(), 1_200);
        message.value = -1;
        assert_eq!(message.gro_segment_bytes(), 0);
    }
}
