// Package sim runs whole flows in one goroutine from one seed: the same Job and
// Task as in production, on a virtual clock and a [Disk] that forgets what was
// not synced, with processes that are killed, wake up late and lose replies.
//
// [Explore] runs the world of a seed; sweeps stop at every durable operation of a
// reference run. A failure prints the seed and how to replay it. What a run has committed is
// written out by [Disk.Export] and judged elsewhere, by readers that share no code with the engine.
//
// The package is for tests and internal/crash; it measures no time.
package sim
