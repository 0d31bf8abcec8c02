//! Forcing overlap: tasks that all begin at the same moment.

use std::sync::Arc;

use tokio::sync::Barrier;

/// Runs every task on the threads of the runtime, none before all are ready to go, and answers with what
/// they answered, in their order.
///
/// # Panics
/// When one of them does.
pub async fn at_once<F>(tasks: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let tasks: Vec<F> = tasks.into_iter().collect();
    let barrier = Arc::new(Barrier::new(tasks.len()));
    let running: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                task.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(running.len());
    for task in running {
        answers.push(task.await.unwrap());
    }
    answers
}
