// Package actors runs plans: a supervised actor for every source split, range
// of key groups and sink share, exchanging columnar batches, watermarks and
// barriers under credits, and one for the job that closes epochs and decides
// them.
//
// # Main types
//
// [Job] and [Task] are pure: a message in, effects out. [Start] runs them on
// protoactor; internal/sim steps the same two from one goroutine with a seed.
// [Config] is what a run needs, [Handle] what its caller holds.
//
// # The caller's duties
//
//  1. One job per flow and ledger. A second one fences the first, by design.
//  2. Sources, sinks and operators handed in with the plan are used by one job
//     only, which closes them.
//
// # What it does not do
//
// It knows no option, file format or SQL; it never restarts an actor in place
// (protoactor would lose the message in flight and all state): whatever fails
// aborts the attempt, and a new one restores the last checkpoint.
package actors
