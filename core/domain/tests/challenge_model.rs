//! Every order in which responses, resends, expiry, cancellation and crashes can meet at one challenge.
//!
//! The model runs the real transitions over a record with a version. A process that changes it reads it, makes the transition,
//! and commits against the version that was read; between any two of these steps anybody else may take theirs. One that
//! crashes takes no more steps: as the properties hold in every state, they hold after a crash at every step.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a model may fail loudly")]

use countersign_domain::{
    challenge::{Attempt, Challenge, State as ChallengeState, Transition},
    id::{MessageId, SessionId},
    record::Step,
    refusal::Refusal,
    testing::{START, binding, challenge},
    time::Timestamp,
};
use stateright::{Checker as _, Model, Property};

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

const AT_MOST_ONE: &str = "at most one response is accepted";
const COUNTED: &str = "no more responses are compared than the policy allows";
const OVER: &str = "what is over stays as it ended";

/// The clients that respond, and whether each has the right code.
const CLIENTS: [bool; 3] = [true, false, true];

/// The record of one challenge. One attempt was used up before, so that two are left for three clients.
#[derive(Clone, Copy)]
struct ChallengeModel {
    /// As with a PIN, which is slow to compare: in a commit before the comparison. Otherwise in that of the answer.
    counts_first: bool,
    checks_versions: bool,
}

/// A challenge, told from others by what transitions change in it.
#[derive(Clone, Debug)]
struct Record(Arc<Challenge>);

impl Record {
    fn new(challenge: Challenge) -> Self {
        Self(Arc::new(challenge))
    }

    fn read(&self) -> Challenge {
        Challenge::clone(&self.0)
    }

    fn changing(&self) -> (&ChallengeState, u8, &MessageId) {
        (self.0.state(), self.0.attempts_left(), self.0.last_message())
    }
}

impl Hash for Record {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.changing().hash(state);
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.changing() == other.changing()
    }
}

#[derive(Clone, Debug, Hash, PartialEq)]
struct World {
    record: Record,
    version: u8,
    is_late: bool,
    clients: [Client; CLIENTS.len()],
    expiry: Task,
    cancellation: Task,
    resend: Task,
    /// What has been.
    compared: u8,
    accepted: u8,
    ended_as: Option<ChallengeState>,
}

/// A client of `Verifier::finish_challenge`.
#[derive(Clone, Debug, Hash, PartialEq)]
enum Client {
    ToAnswer,
    /// What the answer is was compared, and is told when it is committed.
    Answering(Change),
    ToCount,
    Counting(Change, Attempt),
    Counted(Attempt),
    Concluding(Change, Attempt),
    Gone,
}

/// Somebody who makes one transition.
#[derive(Clone, Debug, Hash, PartialEq)]
enum Task {
    ToDo,
    Doing(Change),
    Gone,
}

/// A transition made from a version, and not committed yet.
#[derive(Clone, Debug, Hash, PartialEq)]
struct Change {
    version: u8,
    next: Record,
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Client(usize),
    TimeRunsOut,
    Expire,
    Cancel,
    Resend,
}

impl World {
    fn now(&self) -> Timestamp {
        if self.is_late { self.record.0.expires_at() } else { START.plus_seconds(60) }
    }

    fn change(&self, next: Challenge) -> Change {
        Change { version: self.version, next: Record::new(next) }
    }

    /// Commits a change unless somebody was faster.
    fn commit(&mut self, change: Change, checks_versions: bool) -> bool {
        if checks_versions && change.version != self.version {
            return false;
        }
        self.version += 1;
        self.record = change.next;
        let state = self.record.0.state();
        if self.ended_as.is_none() && *state != ChallengeState::Pending {
            self.ended_as = Some(state.clone());
        }
        true
    }

    /// The next step of a client, as in `Verifier::answer`, or in `Verifier::count` and `Verifier::conclude`.
    fn step(&mut self, index: usize, checks_versions: bool) {
        let (record, now) = (self.record.read(), self.now());
        self.clients[index] = match self.clients[index].clone() {
            Client::ToAnswer => match record.count_attempt(&session(), now) {
                Transition::Made(counted, attempt) => {
                    let next = match counted.next.clone().conclude(attempt, CLIENTS[index], now) {
                        Transition::Made(next, _) | Transition::Ended(next, _) => next.next,
                        Transition::Refused(_) => counted.next,
                    };
                    Client::Answering(self.change(next))
                }
                Transition::Ended(_, refusal) => {
                    assert_eq!(refusal, Refusal::Late);
                    Client::Gone
                }
                Transition::Refused(_) => Client::Gone,
            },
            Client::Answering(change) => match self.commit(change, checks_versions) {
                true => {
                    self.compared += 1;
                    self.accepted += u8::from(CLIENTS[index]);
                    Client::Gone
                }
                false => Client::ToAnswer,
            },
            Client::ToCount => match record.count_attempt(&session(), now) {
                Transition::Made(counted, attempt) => {
                    Client::Counting(self.change(counted.next), attempt)
                }
                // What ends here is late: the expiry commits the same.
                Transition::Ended(_, refusal) => {
                    assert_eq!(refusal, Refusal::Late);
                    Client::Gone
                }
                Transition::Refused(_) => Client::Gone,
            },
            Client::Counting(change, attempt) => match self.commit(change, checks_versions) {
                true => {
                    self.compared += 1;
                    Client::Counted(attempt)
                }
                false => Client::ToCount,
            },
            Client::Counted(attempt) => match record.conclude(attempt, CLIENTS[index], now) {
                Transition::Made(next, _) | Transition::Ended(next, _) => {
                    Client::Concluding(self.change(next.next), attempt)
                }
                Transition::Refused(_) => Client::Gone,
            },
            Client::Concluding(change, attempt) => match self.commit(change, checks_versions) {
                true => {
                    self.accepted += u8::from(CLIENTS[index]);
                    Client::Gone
                }
                false => Client::Counted(attempt),
            },
            Client::Gone => Client::Gone,
        };
    }

    /// The next step of somebody who makes `transition`.
    fn task(
        &mut self,
        task: Task,
        checks_versions: bool,
        transition: fn(Challenge, Timestamp) -> Option<Step<Challenge>>,
    ) -> Task {
        match task {
            Task::ToDo => match transition(self.record.read(), self.now()) {
                Some(step) => Task::Doing(self.change(step.next)),
                None => Task::Gone,
            },
            Task::Doing(change) => match self.commit(change, checks_versions) {
                true => Task::Gone,
                false => Task::ToDo,
            },
            Task::Gone => Task::Gone,
        }
    }
}

fn session() -> SessionId {
    binding().person.session
}

fn cancel(challenge: Challenge, now: Timestamp) -> Option<Step<Challenge>> {
    challenge.refuse(Refusal::Cancelled, now)
}

fn resend(challenge: Challenge, now: Timestamp) -> Option<Step<Challenge>> {
    let message = MessageId::try_from(format!("msg_{:032x}", 2)).unwrap();
    challenge.count_send(&session(), message, now).ok()
}

impl Model for ChallengeModel {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let Transition::Made(counted, _) = challenge().count_attempt(&session(), START) else {
            unreachable!("the first attempt is counted");
        };
        vec![World {
            record: Record::new(counted.next),
            version: 1,
            is_late: false,
            clients: if self.counts_first {
                [const { Client::ToCount }; CLIENTS.len()]
            } else {
                [const { Client::ToAnswer }; CLIENTS.len()]
            },
            expiry: Task::ToDo,
            cancellation: Task::ToDo,
            resend: Task::ToDo,
            compared: 1,
            accepted: 0,
            ended_as: None,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (index, client) in world.clients.iter().enumerate() {
            actions.extend((*client != Client::Gone).then_some(Action::Client(index)));
        }
        actions.extend((!world.is_late).then_some(Action::TimeRunsOut));
        actions.extend((world.is_late && world.expiry != Task::Gone).then_some(Action::Expire));
        actions.extend((world.cancellation != Task::Gone).then_some(Action::Cancel));
        actions.extend((world.resend != Task::Gone).then_some(Action::Resend));
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Client(index) => next.step(index, self.checks_versions),
            Action::TimeRunsOut => next.is_late = true,
            Action::Expire => {
                next.expiry =
                    next.task(world.expiry.clone(), self.checks_versions, Challenge::expire);
            }
            Action::Cancel => {
                next.cancellation =
                    next.task(world.cancellation.clone(), self.checks_versions, cancel);
            }
            Action::Resend => {
                next.resend = next.task(world.resend.clone(), self.checks_versions, resend)
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AT_MOST_ONE, |_, world: &World| world.accepted <= 1),
            Property::always(COUNTED, |_, world: &World| {
                world.compared <= 3 - world.record.0.attempts_left()
            }),
            Property::always(OVER, |_, world: &World| {
                world.ended_as.as_ref().is_none_or(|state| state == world.record.0.state())
            }),
            Property::always(
                "an accepted response has verified the challenge",
                |_, world: &World| {
                    (world.accepted == 1)
                        == matches!(world.record.0.state(), ChallengeState::Verified { .. })
                },
            ),
            Property::sometimes("a response is accepted", |_, world: &World| world.accepted == 1),
            Property::sometimes("a challenge expires", |_, world: &World| {
                matches!(world.record.0.state(), ChallengeState::Expired { .. })
            }),
            Property::sometimes("a challenge is refused", |_, world: &World| {
                matches!(world.record.0.state(), ChallengeState::Refused { .. })
            }),
        ]
    }
}

#[test]
fn every_order_of_steps_accepts_at_most_one_response() {
    for (counts_first, orders) in [(true, 10_000), (false, 1_000)] {
        let model = ChallengeModel { counts_first, checks_versions: true };
        let checked = model.checker().threads(2).spawn_bfs().join();
        checked.assert_properties();
        let states = checked.unique_state_count();
        assert!(states > orders, "{states} states are too few to be every order");
    }
}

#[test]
fn without_the_check_of_versions_the_model_finds_what_goes_wrong() {
    for counts_first in [true, false] {
        let model = ChallengeModel { counts_first, checks_versions: false };
        let unchecked = model.checker().threads(2).spawn_bfs().join();
        for property in [AT_MOST_ONE, COUNTED, OVER] {
            unchecked.assert_any_discovery(property);
        }
    }
}
