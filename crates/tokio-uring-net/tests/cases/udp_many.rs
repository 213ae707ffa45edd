//! `recv_many` and `send_many`: what arrives, when they wait, and what a cancelled one leaves.

use crate::support::poll::poll_once;
use crate::support::setup::on_every_runtime;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::task::Poll;
use tokio_uring_net::{Datagrams, UdpSocket};

async fn socket() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await
}

fn numbers(batch: &Datagrams) -> Vec<u32> {
    let number = |payload: &[u8]| u32::from_le_bytes(payload.try_into().expect("four bytes"));
    batch
        .iter()
        .map(|datagram| number(datagram.payload()))
        .collect()
}

#[test]
fn every_datagram_arrives_once_and_in_order() {
    on_every_runtime(|_| async {
        let (near, far) = (socket().await?, socket().await?);
        let to = far.local_addr()?;
        let sender = tokio::spawn(async move {
            let mut batch = Datagrams::new(16, 4);
            let mut answers = Datagrams::new(16, 4);
            for round in 0..200_u32 {
                for number in round * 16..(round + 1) * 16 {
                    batch.push(&number.to_le_bytes(), to)?;
                }
                while !batch.is_empty() {
                    near.send_many(&mut batch).await?;
                }
                // What is under way at once must fit the receive buffer: wait for the answers.
                let mut seen = Vec::new();
                while seen.len() < 16 {
                    near.recv_many(&mut answers).await?;
                    seen.extend(numbers(&answers));
                }
                assert_eq!(seen, (round * 16..(round + 1) * 16).collect::<Vec<_>>());
            }
            io::Result::Ok(())
        });
        let mut batch = Datagrams::new(64, 4);
        let mut expected = 0..200 * 16_u32;
        while !expected.is_empty() {
            far.recv_many(&mut batch).await?;
            for number in numbers(&batch) {
                assert_eq!(Some(number), expected.next());
            }
            while !batch.is_empty() {
                far.send_many(&mut batch).await?;
            }
        }
        sender.await?
    });
}

#[test]
fn a_receive_waits_for_the_first_and_a_drained_socket_wakes_again() {
    on_every_runtime(|_| async {
        let (near, far) = (socket().await?, socket().await?);
        let mut batch = Datagrams::new(8, 4);
        for round in 0..100_u32 {
            let mut recv = Box::pin(far.recv_many(&mut batch));
            assert!(matches!(poll_once(&mut recv).await, Poll::Pending));
            near.send_to(&round.to_le_bytes(), far.local_addr()?)
                .await?;
            assert_eq!(recv.await?, 1);
            assert_eq!(numbers(&batch), [round]);
        }
        Ok(())
    });
}

#[test]
fn a_cancelled_receive_takes_nothing() {
    on_every_runtime(|_| async {
        let (near, far) = (socket().await?, socket().await?);
        let mut batch = Datagrams::new(8, 4);
        for round in 0..100_u32 {
            let mut recv = Box::pin(far.recv_many(&mut batch));
            assert!(matches!(poll_once(&mut recv).await, Poll::Pending));
            near.send_to(&round.to_le_bytes(), far.local_addr()?)
                .await?;
            if round % 2 == 0 {
                // The driver hears of the datagram while the call still waits.
                tokio::task::yield_now().await;
            }
            drop(recv);
            far.recv_many(&mut batch).await?;
            assert_eq!(numbers(&batch), [round]);
        }
        Ok(())
    });
}

#[test]
fn without_waiting_there_is_an_answer_at_once() {
    on_every_runtime(|_| async {
        let (near, far) = (socket().await?, socket().await?);
        let mut batch = Datagrams::new(8, 4);
        let error = far.try_recv_many(&mut batch).expect_err("nothing was sent");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        near.writable().await?;
        batch.push(&7_u32.to_le_bytes(), far.local_addr()?)?;
        assert_eq!(near.try_send_many(&mut batch)?, 1);
        far.readable().await?;
        assert_eq!(far.try_recv_many(&mut batch)?, 1);
        assert_eq!(numbers(&batch), [7]);
        Ok(())
    });
}

#[test]
fn an_error_concerns_the_first_and_the_others_can_still_be_sent() {
    on_every_runtime(|_| async {
        let (near, far) = (socket().await?, socket().await?);
        let to = far.local_addr()?;
        let mut batch = Datagrams::new(3, 65_535);
        batch.push(&1_u32.to_le_bytes(), to)?;
        batch.push(&[0; 65_535], to)?;
        batch.push(&2_u32.to_le_bytes(), to)?;
        assert_eq!(near.send_many(&mut batch).await?, 1);
        let error = near
            .send_many(&mut batch)
            .await
            .expect_err("it is too long");
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
        batch.remove_first();
        assert_eq!(near.send_many(&mut batch).await?, 1);
        let mut seen = Vec::new();
        while seen.len() < 2 {
            far.recv_many(&mut batch).await?;
            seen.extend(numbers(&batch));
        }
        assert_eq!(seen, [1, 2]);
        Ok(())
    });
}
