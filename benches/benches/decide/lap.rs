//! Many questions in a row, on one thread or on several at once.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// How long so many questions took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lap {
    threads: usize,
    questions: usize,
    took: Duration,
}

impl Lap {
    /// Asks `questions` on each thread, each time about another place that lies far from the one before. Answers
    /// with the time that the threads took, on average.
    pub(crate) fn of(threads: usize, questions: usize, ask: impl Fn(usize) -> bool + Sync) -> Self {
        let barrier = Barrier::new(threads);
        let times: Vec<Duration> = std::thread::scope(|scope| {
            let run = |thread: usize| {
                let (ask, barrier) = (&ask, &barrier);
                scope.spawn(move || {
                    let mut place = thread * 104_729;
                    barrier.wait();
                    let began = Instant::now();
                    for _ in 0..questions {
                        place = place.wrapping_add(7_919_317);
                        black_box(ask(black_box(place)));
                    }
                    began.elapsed()
                })
            };
            let running: Vec<_> = (0..threads).map(run).collect();
            running.into_iter().map(|thread| thread.join().expect("a thread")).collect()
        });
        let took = times.iter().sum::<Duration>() / threads as u32;
        Self { threads, questions, took }
    }

    /// How long a question took the thread that asked it.
    pub(crate) fn each(self) -> Duration {
        Duration::from_secs_f64(self.took.as_secs_f64() / self.questions as f64)
    }

    /// Questions a second, on all threads together.
    pub(crate) fn rate(self) -> f64 {
        (self.threads * self.questions) as f64 / self.took.as_secs_f64()
    }
}

/// The lap in the middle.
pub(crate) fn median(laps: &mut [Lap]) -> Lap {
    laps.sort_unstable_by_key(|lap| lap.took);
    laps[laps.len() / 2]
}
