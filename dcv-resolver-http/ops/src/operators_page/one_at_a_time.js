// One request of a kind at a time.

/// Returns a function that runs `task`, one call at a time. Calls while it runs
/// wait for its end; then the latest of them is made, and no other. The promise
/// is resolved when none is left.
///
/// Aborting the request before was rejected: the resolver learns of it only when
/// it answers, and the next request would wait for the work on both.
export function oneAtATime(task) {
  let running;
  let waiting;
  async function run() {
    try {
      while (waiting) {
        const parameters = waiting;
        waiting = undefined;
        await task(...parameters);
      }
    } finally {
      running = undefined;
    }
  }
  return (...parameters) => {
    waiting = parameters;
    running ??= run();
    return running;
  };
}
