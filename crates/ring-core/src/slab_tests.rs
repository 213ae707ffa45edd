use super::Slab;
use crate::completion::Cqe;
use crate::slot::Effect;
use crate::token::Token;

const MORE: u32 = 1 << 1;

fn cqe(token: Token, result: i32, flags: u32) -> Cqe {
    Cqe {
        token,
        result,
        flags,
    }
}

#[test]
fn resources_stay_until_the_terminal_cqe() {
    let mut slab = Slab::default();
    let token = slab.insert("buffer").unwrap();
    assert_eq!(
        slab.on_cqe(cqe(token, 1, MORE)),
        Effect::Deliver(cqe(token, 1, MORE))
    );
    assert_eq!(slab.resources(token), Some(&"buffer"));
    assert_eq!(
        slab.on_cqe(cqe(token, 2, 0)),
        Effect::Complete("buffer", cqe(token, 2, 0))
    );
    assert!(slab.is_empty());
}

#[test]
fn an_orphan_keeps_its_resources_and_hands_every_cqe_back() {
    let mut slab = Slab::default();
    let token = slab.insert("buffer").unwrap();
    slab.orphan(token);
    assert_eq!(slab.resources(token), None);
    assert_eq!(slab.in_flight(token), Some(&"buffer"));
    assert!(slab.contains(token));
    assert_eq!(
        slab.on_cqe(cqe(token, 7, MORE)),
        Effect::Discard(cqe(token, 7, MORE))
    );
    assert_eq!(slab.count(), 1);
    assert_eq!(
        slab.on_cqe(cqe(token, -125, 0)),
        Effect::Release("buffer", cqe(token, -125, 0))
    );
    assert_eq!(slab.count(), 0);
}

#[test]
fn a_late_cqe_never_reaches_the_slots_next_operation() {
    let mut slab = Slab::default();
    let first = slab.insert(1).unwrap();
    let _ = slab.on_cqe(cqe(first, 0, 0));
    let second = slab.insert(2).unwrap();
    assert_eq!(first.index(), second.index());
    assert_eq!(
        slab.on_cqe(cqe(first, 0, 0)),
        Effect::Stray(cqe(first, 0, 0))
    );
    slab.orphan(first);
    assert_eq!(slab.resources(second), Some(&2));
}

#[test]
fn the_generation_wraps_without_a_panic() {
    let mut slab = Slab::default();
    let token = slab.insert(()).unwrap();
    slab.entries[token.index() as usize].generation = u32::MAX;
    let last = Token::new(token.index(), u32::MAX);
    assert_eq!(
        slab.on_cqe(cqe(last, 0, 0)),
        Effect::Complete((), cqe(last, 0, 0))
    );
    assert_eq!(slab.insert(()).unwrap().generation(), 0);
}

#[test]
fn a_full_slab_hands_the_resources_back() {
    let mut slab = Slab::with_limit(1);
    let token = slab.insert("first").unwrap();
    assert_eq!(slab.insert("second"), Err("second"));
    assert_eq!(slab.remove_unpushed(token), Some("first"));
    assert!(slab.insert("third").is_ok());
}

/// Every order of CQEs over many operations: each resource comes out exactly once.
#[test]
fn seeded_random_orders_release_every_resource_exactly_once() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0x2545_f491_4f6c_dd1d_u64);
    println!("SEED={seed}");
    let mut state = seed | 1;
    let mut random = move |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut slab = Slab::default();
    let mut live: Vec<Token> = Vec::new();
    let (mut inserted, mut released) = (0_u64, std::collections::HashSet::new());
    for _ in 0..20_000 {
        match random(4) {
            0 | 1 => {
                live.push(slab.insert(inserted).unwrap());
                inserted += 1;
            }
            2 if !live.is_empty() => {
                let at = usize::try_from(random(live.len() as u64)).unwrap();
                slab.orphan(live[at]);
            }
            _ if !live.is_empty() => {
                let at = usize::try_from(random(live.len() as u64)).unwrap();
                let terminal = random(2) == 0;
                let token = if terminal {
                    live.swap_remove(at)
                } else {
                    live[at]
                };
                match slab.on_cqe(cqe(token, 0, if terminal { 0 } else { MORE })) {
                    Effect::Complete(resource, _) | Effect::Release(resource, _) => {
                        assert!(terminal && released.insert(resource));
                    }
                    Effect::Deliver(_) | Effect::Discard(_) => assert!(!terminal),
                    Effect::Stray(_) => unreachable!("every token here is live"),
                }
            }
            _ => {}
        }
        assert_eq!(slab.count(), live.len());
    }
    assert_eq!(
        slab.take_all().len() + released.len(),
        usize::try_from(inserted).unwrap()
    );
}
