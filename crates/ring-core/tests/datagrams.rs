//! Batches of datagrams, on UDP sockets of the loopback device.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::num::NonZeroU16;
use std::os::fd::AsFd;

use ring_core::datagrams::{Datagrams, Moved, set_udp_gro};
use ring_core::limits::DATAGRAMS_RECV_MIN;

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    socket.set_nonblocking(true).expect("it is a socket");
    socket
}

fn moved(count: usize, is_short: bool) -> Moved {
    Moved { count, is_short }
}

/// Receives until `count` datagrams have come. On loopback they are there when the send returns.
fn recv_all(socket: &UdpSocket, batch: &mut Datagrams, count: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while payloads.len() < count {
        batch.recv(socket.as_fd()).expect("datagrams are there");
        payloads.extend(batch.iter().map(|datagram| datagram.payload().to_vec()));
    }
    payloads
}

#[test]
fn many_leave_and_arrive_in_order_with_their_sender() -> io::Result<()> {
    let (near, far) = (socket(), socket());
    let to = far.local_addr()?;
    let mut batch = Datagrams::new(100, 64);
    for number in 0..100_u8 {
        batch.push(&vec![number; usize::from(number % 65)], to)?;
    }
    assert_eq!(batch.send(near.as_fd())?, moved(100, false));
    assert!(batch.is_empty(), "what was sent is out of the batch");

    let mut received = 0;
    while received < 100 {
        batch.recv(far.as_fd())?;
        for datagram in batch.iter() {
            let number = u8::try_from(received).expect("below 100");
            assert_eq!(datagram.payload(), vec![number; usize::from(number % 65)]);
            assert_eq!(datagram.peer(), Some(near.local_addr()?));
            assert!(!datagram.is_truncated());
            received += 1;
        }
    }
    let last = batch.len();
    let error = batch.recv(far.as_fd()).expect_err("all were received");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert_eq!(batch.len(), last, "the batch is as it was");
    Ok(())
}

#[test]
fn a_receive_tells_whether_there_is_more() -> io::Result<()> {
    let (near, far) = (socket(), socket());
    let mut batch = Datagrams::new(64, 16);
    let send =
        |count: usize| (0..count).try_for_each(|_| near.send_to(b"x", far.local_addr()?).map(drop));
    send(1)?;
    assert_eq!(batch.recv(far.as_fd())?, moved(1, true));
    send(DATAGRAMS_RECV_MIN)?;
    assert_eq!(batch.recv(far.as_fd())?, moved(DATAGRAMS_RECV_MIN, false));
    // The next one asks for more, and sees the end.
    send(DATAGRAMS_RECV_MIN + 1)?;
    assert_eq!(
        batch.recv(far.as_fd())?,
        moved(DATAGRAMS_RECV_MIN + 1, true)
    );
    Ok(())
}

#[test]
fn what_was_received_goes_back_to_whom_it_came_from() -> io::Result<()> {
    let server = socket();
    let clients = [socket(), socket(), socket()];
    for (number, client) in clients.iter().enumerate() {
        client.send_to(format!("client {number}").as_bytes(), server.local_addr()?)?;
    }
    let mut batch = Datagrams::new(3, 32);
    assert_eq!(batch.recv(server.as_fd())?.count, 3);
    batch.send(server.as_fd())?;
    for (number, client) in clients.iter().enumerate() {
        let mut payload = [0; 32];
        let (count, from) = client.recv_from(&mut payload)?;
        assert_eq!(&payload[..count], format!("client {number}").as_bytes());
        assert_eq!(from, server.local_addr()?);
    }
    Ok(())
}

#[test]
fn a_payload_that_is_too_long_is_cut_and_says_so() -> io::Result<()> {
    let (near, far) = (socket(), socket());
    near.send_to(b"123456789", far.local_addr()?)?;
    near.send_to(b"1234", far.local_addr()?)?;
    near.send_to(b"", far.local_addr()?)?;
    let mut batch = Datagrams::new(4, 4);
    batch.recv(far.as_fd())?;
    let seen: Vec<_> = batch
        .iter()
        .map(|datagram| (datagram.payload().to_vec(), datagram.is_truncated()))
        .collect();
    assert_eq!(
        seen,
        [
            (b"1234".to_vec(), true),
            (b"1234".to_vec(), false),
            (Vec::new(), false)
        ]
    );
    Ok(())
}

#[test]
fn an_error_is_told_when_its_datagram_is_the_first() -> io::Result<()> {
    let (near, far) = (socket(), socket());
    let to = far.local_addr()?;
    let mut batch = Datagrams::new(3, 65_535);
    batch.push(b"before", to)?;
    batch.push(&vec![0; 65_535], to)?;
    batch.push(b"after", to)?;
    assert_eq!(batch.send(near.as_fd())?, moved(1, true));
    let error = batch
        .send(near.as_fd())
        .expect_err("no datagram is as long");
    assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
    assert_eq!(batch.len(), 2, "a failed send takes nothing out");
    batch.remove_first();
    assert_eq!(batch.send(near.as_fd())?, moved(1, false));
    let payloads = recv_all(&far, &mut batch, 2);
    assert_eq!(payloads, [b"before".to_vec(), b"after".to_vec()]);
    Ok(())
}

#[test]
fn without_an_address_a_datagram_goes_to_the_connected_peer() -> io::Result<()> {
    let (near, far) = (socket(), socket());
    near.connect(far.local_addr()?)?;
    let mut batch = Datagrams::new(2, 16);
    batch.push(b"one", None)?;
    batch.push(b"two", far.local_addr()?)?;
    assert_eq!(
        batch.iter().next().and_then(|datagram| datagram.peer()),
        None
    );
    batch.send(near.as_fd())?;
    assert_eq!(
        recv_all(&far, &mut batch, 2),
        [b"one".to_vec(), b"two".to_vec()]
    );
    Ok(())
}

#[test]
fn segments_leave_as_datagrams_of_their_own_and_may_arrive_as_one() -> io::Result<()> {
    let (near, far) = (socket(), socket());
    let to = far.local_addr()?;
    let segment = NonZeroU16::new(1_000).expect("not zero");
    let payload: Vec<u8> = (0..3_500_u32).map(|byte| byte.to_le_bytes()[0]).collect();

    let mut batch = Datagrams::new(8, 8_000);
    batch.push_segments(&payload, segment, to)?;
    batch.send(near.as_fd())?;
    let payloads = recv_all(&far, &mut batch, 4);
    assert_eq!(
        payloads.iter().map(Vec::len).collect::<Vec<_>>(),
        [1_000, 1_000, 1_000, 500]
    );
    assert_eq!(payloads.concat(), payload);

    set_udp_gro(far.as_fd(), true)?;
    batch.clear();
    batch.push_segments(&payload, segment, to)?;
    batch.send(near.as_fd())?;
    batch.recv(far.as_fd())?;
    let joined = batch.iter().next().expect("it has come");
    assert_eq!(joined.payload(), payload);
    assert_eq!(joined.segment_bytes(), Some(segment));
    // And back, cut again.
    batch.send(far.as_fd())?;
    assert_eq!(recv_all(&near, &mut batch, 4).concat(), payload);
    Ok(())
}

#[test]
fn a_full_batch_and_a_long_payload_are_refused() -> io::Result<()> {
    let to = socket().local_addr()?;
    let mut batch = Datagrams::new(1, 4);
    let error = batch.push(b"12345", to).expect_err("it is too long");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    batch.push(b"1234", to)?;
    let error = batch.push(b"1234", to).expect_err("it is full");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(batch.len(), 1);
    batch.clear();
    batch.push(b"1234", to)?;
    Ok(())
}
