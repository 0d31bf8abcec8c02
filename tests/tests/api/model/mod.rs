//! The model test: random commands on every backend do what a simple pure model says.
//!
//! `PROPTEST_CASES=5000 cargo test -p systemprompt-users-tests model` looks harder.

mod bans;
mod command;
mod compare;
mod lives;
mod people;
mod real;
mod sittings;
mod world;

use proptest::strategy::BoxedStrategy;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use systemprompt_users_tests::Backend;

use self::command::Command;
use self::real::Real;
use self::world::World;

impl ReferenceStateMachine for World {
    type State = Self;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Self> {
        use proptest::strategy::{Just, Strategy};

        Just(Self::new()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Command> {
        command::any()
    }

    fn apply(mut world: Self, command: &Command) -> Self {
        world.obey(command);
        world
    }
}

macro_rules! on {
    ($name:ident, $backend:ident) => {
        struct $name;

        impl StateMachineTest for $name {
            type SystemUnderTest = Real;
            type Reference = World;

            fn init_test(_: &World) -> Real {
                Real::new(Backend::$backend)
            }

            fn apply(mut real: Real, world: &World, command: Command) -> Real {
                real.obey(world, &command);
                real
            }

            fn check_invariants(real: &Real, world: &World) {
                real.compare(world);
            }

            fn teardown(real: Real, _: World) {
                real.close();
            }
        }
    };
}

on!(OnMemory, Memory);
on!(OnSqlite, Sqlite);
on!(OnPostgres, Postgres);

/// So many cases, unless PROPTEST_CASES says another number. What fails is printed, not written into the tree.
fn config(cases: u32) -> Config {
    let config = Config { failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => Config { cases, ..config },
    }
}

prop_state_machine! {
    #![proptest_config(config(200))]
    #[test]
    fn memory_does_what_the_model_says(sequential 1..50 => OnMemory);
}

prop_state_machine! {
    #![proptest_config(config(40))]
    #[test]
    fn sqlite_does_what_the_model_says(sequential 1..40 => OnSqlite);
}

prop_state_machine! {
    #![proptest_config(config(16))]
    #[test]
    fn postgres_does_what_the_model_says(sequential 1..40 => OnPostgres);
}
